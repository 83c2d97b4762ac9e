"""What the soft AP tells of itself. The layouts are ours: nobody has seen the real ones."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tokay.kernel.kernel import Kernel
from tokay.kernel.results import Listing, lines
from tokay.kernel.tokenizer import printable
from tokay.kernel.variables import computed
from tokay.plugins.softap import variables as softap
from tokay.plugins.softap.ap_settings import by_settings

if TYPE_CHECKING:
    from tokay.plugins.softap.plugin import SoftAp

NO_ADDRESS = "0.0.0.0"  # noqa: S104 - of a client that has none
_HEAD = "! # MAC               IP              RSSI   Age Name"


def client_list(kernel: Kernel, _words: Sequence[str] = ()) -> Listing:
    """Return the clients, one a line, with the age of their association in seconds."""
    running = _plugin(kernel).running
    now = kernel.clock.monotonic
    timeout = kernel.variables[softap.IDLE_TIMEOUT]
    clients = list(running.clients.listed(now, timeout)) if running is not None else []
    leases = running.dhcp.leases() if running is not None and running.dhcp is not None else {}
    rows = [f"! {len(clients)} client{'s' if len(clients) != 1 else ''}"]
    if clients:
        rows.append(_HEAD)
    for number, client in enumerate(clients):
        lease = leases.get(client.mac)
        address = str(lease.address) if lease is not None else NO_ADDRESS
        name = printable(lease.hostname) if lease is not None else ""
        age = int(now - client.since)
        rows.append(
            f"# {number} {client.mac} {address:<15} {client.rssi:4} {age:5} {name}".rstrip()
        )
    return lines(rows)


def info(kernel: Kernel, _words: Sequence[str] = ()) -> Listing:
    """Return the report on the interface, with the address that it really has."""
    running = _plugin(kernel).running
    announced = running.announced if running is not None else by_settings(kernel)
    link = running.link if running is not None else None
    address = running.interface.address if running is not None else None
    rows = {
        "status": "up" if running is not None else "down",
        "mac": _mac(kernel),
        "ssid": printable(announced.ssid),
        "channel": str(link.channel) if link is not None else "",
        "security": link.security.value if link is not None else "",
        "ip": address.address if address is not None else NO_ADDRESS,
        "netmask": address.netmask if address is not None else NO_ADDRESS,
        "gateway": address.gateway if address is not None else NO_ADDRESS,
        "clients": str(len(link.stations)) if link is not None else "0",
    }
    return lines([f"{name}: {value}".rstrip() for name, value in rows.items()])


def _mac(kernel: Kernel, _words: Sequence[str] = ()) -> str:
    if (running := _plugin(kernel).running) is not None:
        return running.link.mac  # on a wire it is the interface's
    # IEEE 802-2014 section 8.2.2: the bit of addresses that are given locally.
    return f"{int(kernel.mac[:2], 16) ^ 2:02X}{kernel.mac[2:]}"


def _plugin(kernel: Kernel) -> "SoftAp":
    from tokay.plugins.softap.plugin import SoftAp  # noqa: PLC0415 - it lists these variables

    return kernel.plugin(SoftAp)


CLIENT_LIST = computed("softap.client_list", "so l", client_list, doc="The clients.")
INFO = computed("softap.info", "so o", info, doc="A report on the interface.", also=("so i",))
MAC = computed("softap.mac", "so m", _mac, doc="The hardware address of the soft AP.")
VARIABLES = (CLIENT_LIST, INFO, MAC)
