"""Publishes the device on its interface, and asks the neighbours on every one.

Sources: docs/protocol/web-and-discovery.md, sections 6.1 and 6.2; docs/protocol/network.md, section
13.
"""

from typing import TYPE_CHECKING, ClassVar

from tokay.board.board import Board
from tokay.kernel.commands import Call, command
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import Listing, bad_args, failed, lines
from tokay.kernel.tokenizer import printable
from tokay.plugins.discovery import variables as mdns
from tokay.plugins.discovery.services import offers
from tokay.plugins.network import NO_ADDRESS, Interface, Network

if TYPE_CHECKING:
    from tokay.plugins.discovery.link_responder import Member
    from tokay.protocols.mdns import ServiceInstance

DEFAULT_SERVICE = "_http._tcp"
PATIENCE = 3.0
"""Seconds that services have to answer: two questions, and time to answer the second."""


@command("mdns_discover", "mdns", "[-i interface] [service]")
async def mdns_discover(call: Call) -> Listing:
    """List who else offers a service on the local network: instance, address, port, texts."""
    from tokay.protocols.dns import DnsError  # noqa: PLC0415 - not before it is asked

    kernel = call.kernel
    type_ = call.get("service", DEFAULT_SERVICE)
    if not type_.startswith("_"):
        type_ = f"_{type_}._tcp"
    interface = await kernel.plugin(Network).need(call.get("interface"))
    try:
        async with interface.while_up():
            found = await kernel.plugin(Discovery).member(interface).browse(type_, PATIENCE)
    except DnsError as error:
        raise bad_args(str(error)) from None
    except OSError as error:
        raise failed(str(error)) from error
    own = interface.address.address
    others = [one for one in found if str(one.address) != own]
    return lines(["! # Instance Address Text", *map(_row, range(len(others)), others)])


def _row(number: int, found: "ServiceInstance") -> str:
    texts = ",".join(text.decode("latin-1") for text in found.texts if text)
    where = f"{found.address or NO_ADDRESS}:{found.port}"
    instance = printable(found.instance.encode().decode("latin-1"))
    return f"# {number} {instance} {where} {printable(texts)}".rstrip()


class Discovery(Plugin):
    """The device on the wires of its interfaces."""

    name = "discovery"
    variables = (mdns.ENABLED, mdns.INTERFACE, mdns.NAME, mdns.SERVICE)
    commands: ClassVar = (mdns_discover,)
    # Behind those whose ports it tells.
    after = ("network", "http_server", "tcp", "udp", "remote_terminal")

    __slots__ = ("_kernel", "_members")

    def start(self, kernel: Kernel, board: Board) -> None:
        """Wait for the network."""
        self._kernel = kernel
        self._members: dict[str, Member] = {}

    async def stop(self) -> None:
        """Withdraw the device's names from every interface."""
        for name in tuple(self._members):
            self._leave(name)

    def network_up(self, interface: Interface) -> None:
        """Be found from here on. Nobody waits until the name is known to be free."""
        values, table = self._kernel.variables, self._kernel.variables.table
        if mdns.ENABLED.name not in table.by_name or not values[mdns.ENABLED]:
            return
        try:
            member = self.member(interface)
        except OSError as error:
            self._kernel.log.line(f"mDNS: {error.strerror or error}")
            return
        interface.find_local = member.resolve
        wanted = self._kernel.plugin(Network).resolve(values[mdns.INTERFACE])
        if interface.name == wanted:
            self._publish(interface, member)

    def network_down(self, interface: Interface) -> None:
        """Withdraw the names with a goodbye (RFC 6762 section 10.1)."""
        interface.find_local = None
        self._leave(interface.name)

    def member(self, interface: Interface) -> "Member":
        """Return the device on an interface that is up; it joins the wire now if mDNS is off.

        Raises OSError.
        """
        from tokay.plugins.discovery import link_responder  # noqa: PLC0415 - start-up time is measured

        member = self._members.get(interface.name)
        if member is None:
            member = self._members[interface.name] = link_responder.join(
                interface.link, interface.address.address
            )
        return member

    def _publish(self, interface: Interface, member: "Member") -> None:
        from tokay.protocols.dns import DnsError  # noqa: PLC0415 - start-up time is measured

        kernel = self._kernel
        kernel.log.line("Starting mDNS")
        member.on_name = self._tell
        given = offers(
            kernel, kernel.variables[mdns.SERVICE], lambda port: interface.ports.get(port, port)
        )
        try:
            self._tell(member.publish(mdns.host_name(kernel), given))
        except DnsError as error:
            kernel.log.line(f"mDNS: {error}")

    def _tell(self, name: str) -> None:
        self._kernel.log.line(f"mDNS domain: {name}.local")

    def _leave(self, interface: str) -> None:
        member = self._members.pop(interface, None)
        if member is not None:
            member.on_name = None
            member.close()
