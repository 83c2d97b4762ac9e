"""The table of networks that hosts parse by its columns.

Source: docs/protocol/network.md, section 3.1.
"""

from collections.abc import Sequence

from tokay.board.radio import ScanResult
from tokay.kernel.tokenizer import printable


def table(networks: Sequence[ScanResult], *, verbose: bool) -> list[str]:
    """Return the rows of `wlan_scan`."""
    head = f"! {len(networks)} networks found"
    if not networks:
        return [head]
    if verbose:
        names = "!  # Ch RSSI MAC (BSSID)        Rate Security   Typ Ln Network (SSID)"
        return [head, names, *(_long(number, one) for number, one in enumerate(networks))]
    names = "!  # Ch RSSI MAC (BSSID)       Network (SSID)"
    return [head, names, *(_short(number, one) for number, one in enumerate(networks))]


def _short(number: int, one: ScanResult) -> str:
    return f"# {number:2} {one.channel:2} {one.rssi:4} {one.bssid} {printable(one.ssid)}"


def _long(number: int, one: ScanResult) -> str:
    return (
        f"# {number:2} {one.channel:2} {one.rssi:4} {one.bssid} {one.rate:5.1f} "
        f"{one.security.value:<10} AP  {len(one.ssid):2} {printable(one.ssid)}"
    )
