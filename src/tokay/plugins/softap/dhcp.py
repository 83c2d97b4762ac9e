"""The DHCP server of the soft AP: carries datagrams to the state machine, and keeps its leases.

A lease that was told to a client has been written down: answers wait until then. What comes in one
turn of the loop is written at once, so a crowd costs no more than one client.
"""

import asyncio
from ipaddress import IPv4Address

import msgspec

from tokay.board.link import ApLink
from tokay.kernel.kernel import Kernel
from tokay.protocols.dhcp import DhcpDatagram, DhcpServer, GrantedLease, SavedLease, ServerConfig

FACT = "softap.leases"
MAX_HELD = 1024
"""Answers that may wait for a write; a client that gets none asks again."""

_Row = tuple[str, str, str, str, int]
"""Address, client key and MAC in hex, host name, end of the lease on the device's clock."""


class LinkDhcpServer:
    """Serves one soft AP while it is up."""

    __slots__ = ("_held", "_kernel", "_link", "_server", "_writing", "_written")

    def __init__(self, kernel: Kernel, link: ApLink, gateway: IPv4Address) -> None:
        network = link.network
        hosts = network.network
        self._kernel = kernel
        self._link = link
        config = ServerConfig(
            address=network.ip,
            netmask=network.netmask,
            gateway=gateway,
            dns=(network.ip,),
            pool_first=hosts.network_address + 1,
            pool_last=hosts.broadcast_address - 1,
        )
        self._server = DhcpServer(config, in_use=link.in_use)
        self._written = ""
        self._held: list[DhcpDatagram] = []
        self._writing: asyncio.Handle | None = None
        self._restore()
        link.on_datagram = self._receive

    def leases(self) -> dict[str, GrantedLease]:
        """Return the leases in force, by MAC."""
        leases = self._server.leases(self._kernel.clock.monotonic)
        return {lease.mac.hex(":").upper(): lease for lease in leases}

    def stop(self) -> None:
        """Serve no more; what is held is written."""
        self._link.on_datagram = None
        if self._writing is not None:
            self._writing.cancel()
            self._commit()

    def _receive(self, datagram: bytes) -> None:
        before = self._server.revision
        answers = self._server.receive(datagram, self._kernel.clock.monotonic)
        if self._server.revision == before:  # an offer or a refusal: nothing to remember
            self._send(answers)
            return
        if len(self._held) < MAX_HELD:
            self._held += answers
        if self._writing is None:
            self._writing = asyncio.get_running_loop().call_soon(self._commit)

    def _commit(self) -> None:
        self._writing = None
        answers, self._held = self._held, []
        clock = self._kernel.clock
        ahead = clock.rtc
        rows: list[_Row] = [
            (address, key.hex(), mac.hex(), hostname, round(left + ahead))
            for address, key, mac, hostname, left in self._server.export(clock.monotonic)
        ]
        text = msgspec.json.encode(rows).decode()
        if text != self._written:
            try:
                self._kernel.storage.set_facts({FACT: text})
                self._written = text
            except OSError as error:
                self._kernel.log.line(f"DHCP leases are not kept: {error}")
        self._send(answers)

    def _send(self, answers: list[DhcpDatagram]) -> None:
        for answer in answers:
            self._link.send_datagram(answer.data, answer.destination, answer.mac)

    def _restore(self) -> None:
        text = self._kernel.storage.facts().get(FACT)
        if text is None:
            return
        now, rtc = self._kernel.clock.monotonic, self._kernel.clock.rtc
        try:
            rows = msgspec.json.decode(text, type=list[_Row])
            saved: list[SavedLease] = [
                (address, bytes.fromhex(key), bytes.fromhex(mac), hostname, end - rtc)
                for address, key, mac, hostname, end in rows
            ]
            # A clock that went back was without power. Then the leases begin anew.
            self._server.restore(saved, now)
        except (msgspec.DecodeError, ValueError):
            return
        self._written = text
