"""A link in memory for mDNS: responders on it hear what each says, and time is turned."""

import random
from ipaddress import IPv4Address

from tokay.protocols.dns import QR, DnsMessage, Question, RecordType, ResourceRecord, name_from_text
from tokay.protocols.mdns import PORT, MdnsDatagram, MdnsHost, MdnsResponder, MdnsService

HTTP = MdnsService("_http._tcp", 80, (b"a=1",))
STRANGER = ("10.0.0.200", PORT)


def name(text: str) -> bytes:
    return name_from_text(text)


def host(text: str, number: int = 1, *offers: MdnsService) -> MdnsHost:
    return MdnsHost(text, IPv4Address(f"10.0.0.{number}"), offers)


class Wire:
    """Responders on a link. ``heard`` is every datagram: when, message, where it went."""

    def __init__(self, responders: int = 1) -> None:
        self.now = 100.0
        self.responders = [MdnsResponder(random.Random(seed)) for seed in range(responders)]
        self.heard: list[tuple[float, DnsMessage, tuple[str, int] | None]] = []
        self.named: list[tuple[int, str, bool]] = []

    def add(self, host: MdnsHost, on: int = 0) -> int:
        key = self.responders[on].add(host, self.now)
        self.carry()
        return key

    def remove(self, key: int, on: int = 0) -> None:
        self.responders[on].remove(key, self.now)
        self.carry()

    def carry(self) -> None:
        """Let everybody hear what was said, themselves too, until all is said."""
        while out := [
            (at, one) for at, r in enumerate(self.responders) for one in r.datagrams_to_send()
        ]:
            for at, one in out:
                self._deliver(at, one)
        for at, responder in enumerate(self.responders):
            self.named += [(at, event.name, event.changed) for event in responder.events()]

    def _deliver(self, sender: int, out: MdnsDatagram) -> None:
        message = DnsMessage.decode(out.data)
        self.heard.append((self.now, message, out.destination))
        source = (f"10.0.0.{100 + sender}", PORT)
        for at, responder in enumerate(self.responders):
            if out.destination is None:
                responder.receive(message, source, self.now, True)
            elif out.destination == (f"10.0.0.{100 + at}", PORT):
                responder.receive(message, source, self.now, False)

    def turn(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while True:
            due = min((t for r in self.responders if (t := r.get_timer()) is not None), default=end)
            if due > end:
                break
            self.now = max(self.now, due)
            for responder in self.responders:
                responder.handle_timer(self.now)
            self.carry()
            if due == end:
                break
        self.now = end

    def say(
        self, message: DnsMessage, source: tuple[str, int] = STRANGER, group: bool = True
    ) -> None:
        """Let a stranger speak."""
        decoded = DnsMessage.decode(message.encode())
        for responder in self.responders:
            responder.receive(decoded, source, self.now, group)
        self.carry()

    def ask(
        self,
        text: str,
        type: int = RecordType.A,
        *known: ResourceRecord,
        source: tuple[str, int] = STRANGER,
        group: bool = True,
        cls: int = 1,
        flags: int = 0,
        wait: float = 0.6,
    ) -> list[tuple[DnsMessage, tuple[str, int] | None]]:
        """Ask, and return what was said within a while."""
        before = len(self.heard)
        self.say(
            DnsMessage(7, flags, (Question(name(text), type, cls),), answers=known), source, group
        )
        self.turn(wait)
        return [(message, to) for _, message, to in self.heard[before:] if message.flags & QR]

    def probes(self) -> list[float]:
        """Return when probes were heard."""
        return [at for at, message, _ in self.heard if not message.flags & QR]

    def responses(self) -> list[tuple[float, DnsMessage]]:
        return [(at, message) for at, message, _ in self.heard if message.flags & QR]
