"""Open a real radio by its name on the command line."""

from tokay.board.net.capabilities import missing_capabilities
from tokay.board.radio import RadioOptionError
from tokay.board.wired.open import is_ifname
from tokay.board.wpa.radio import WpaRadio
from tokay.board.wpa.undo import find_program


def open_wpa(options: str, mac: str) -> WpaRadio:
    """Return the radio of `wpa:IFACE` or `wpa:IFACE,AP_IFACE`.

    ``mac`` is not used: an interface has an address of its own. Raises RadioError.
    """
    names = options.split(",")
    if len(names) > 2 or not all(map(is_ifname, names)):
        raise RadioOptionError("use wpa:IFACE or wpa:IFACE,AP_IFACE")
    if missing := missing_capabilities():
        raise RadioOptionError(f"needs {' and '.join(missing)}")
    if find_program("wpa_supplicant") is None:
        raise RadioOptionError("wpa_supplicant is not installed: apt install wpasupplicant")
    return WpaRadio(*names)
