"""What the two programs are told: a network to join, a scan, an access point to be."""

from collections.abc import Iterable, Sequence
from enum import Flag, auto
from typing import NamedTuple

from tokay.protocols import wpa


class KeyManagement(Flag):
    """Where keys come from. With none of them, from nowhere: the network is open, or has WEP."""

    NONE = 0
    PSK = auto()
    """A pre-shared key: WPA and WPA2."""
    SAE = auto()
    """Simultaneous authentication of equals: WPA3."""


class StationSettings(NamedTuple):
    """A network to join."""

    ssid: bytes
    key_management: KeyManagement = KeyManagement.NONE
    rsn: bool = True
    """Whether WPA2 or later is allowed."""
    wpa: bool = False
    """Whether the WPA of before the standard is allowed."""
    ciphers: Sequence[str] = ("CCMP",)
    passphrase: str | None = None
    """8 to 63 bytes, one character each (latin-1), or a PSK in 64 hex digits.

    Never in an error or a repr.
    """
    wep_key: bytes | None = None
    bssid: str | None = None
    only_bssid: bool = False
    """Whether no other access point of this SSID will do."""
    frequencies: Sequence[int] = ()
    """MHz. Where the network is looked for; empty is everywhere."""

    def __repr__(self) -> str:
        """Show everything but the keys."""
        return f"StationSettings(ssid={self.ssid!r}, key_management={self.key_management!r})"


def station_settings(network: StationSettings) -> list[tuple[str, str]]:
    """Return the values for ``SET_NETWORK``, in order. The passphrase must be one."""
    lines = [("ssid", network.ssid.hex()), ("scan_ssid", "1")]
    if network.bssid is not None:
        lines.append(("bssid" if network.only_bssid else "bssid_hint", network.bssid))
    if network.frequencies:
        lines.append(("scan_freq", " ".join(map(str, network.frequencies))))
    if network.key_management is KeyManagement.NONE:
        return lines + _without_wpa(network)
    return lines + _with_wpa(network)


def _without_wpa(network: StationSettings) -> list[tuple[str, str]]:
    lines = [("key_mgmt", "NONE")]
    if network.wep_key is not None:
        # Which of the two authentications an access point wants is not announced.
        lines += [("wep_key0", network.wep_key.hex()), ("wep_tx_keyidx", "0")]
        lines += [("auth_alg", "OPEN SHARED")]
    return lines


def _with_wpa(network: StationSettings) -> list[tuple[str, str]]:
    psk, sae = (kind in network.key_management for kind in (KeyManagement.PSK, KeyManagement.SAE))
    words = [word for word, used in (("SAE", sae), ("WPA-PSK", psk)) if used]
    if psk and network.rsn:
        words.append("WPA-PSK-SHA256")  # what PSK is called where frames must be protected
    versions = [word for word, used in (("RSN", network.rsn), ("WPA", network.wpa)) if used]
    lines = [
        ("key_mgmt", " ".join(words)),
        ("proto", " ".join(versions)),
        ("pairwise", " ".join(network.ciphers)),
        # The group's cipher is that of its weakest member.
        ("group", "CCMP TKIP"),
        # Management frames: WPA3 demands that they are protected, WPA2 allows it, WPA has no word.
        ("ieee80211w", "2" if sae and not psk else "1" if network.rsn else "0"),
    ]  # fmt: skip
    passphrase = network.passphrase or ""
    if psk:
        lines.append(("psk", wpa.pmk(passphrase, network.ssid).hex()))
    if sae:
        # Quoted, it is all between the first and the last quotation mark; other bytes go in hex.
        legible = passphrase.isascii() and passphrase.isprintable()
        word = f'"{passphrase}"' if legible else passphrase.encode("latin-1").hex()
        lines.append(("sae_password", word))
    return lines


def scan_command(
    frequencies: Iterable[int] = (), ssid: bytes | None = None, *, passive: bool = False
) -> str:
    """Return the command for a scan that joins nothing. An `ssid` is asked for by its name."""
    words = ["SCAN", "TYPE=ONLY"]
    if listed := ",".join(map(str, frequencies)):
        words.append(f"freq={listed}")
    if passive:
        words.append("passive=1")
    elif ssid:
        words += ["ssid", ssid.hex()]
    return " ".join(words)


class AccessPointSettings(NamedTuple):
    """An access point to be."""

    ifname: str
    control_folder: str
    ssid: bytes
    channel: int
    passphrase: str = ""
    """As for a station, for WPA2 with AES; empty is an open network."""
    hidden: bool = False
    max_stations: int = 5
    country: str = ""
    """Two letters; empty leaves what the machine has."""
    flavour: str = "n"
    """`b`, `g` or `n`: the newest of 802.11 that is spoken."""

    def __repr__(self) -> str:
        """Show everything but the key."""
        return f"AccessPointSettings(ssid={self.ssid!r}, channel={self.channel})"


def access_point_file(ap: AccessPointSettings) -> str:
    """Return the configuration file of hostapd. It has the key, but not the passphrase."""
    lines = [
        f"interface={ap.ifname}",
        "driver=nl80211",
        f"ctrl_interface={ap.control_folder}",
        f"ssid2={ap.ssid.hex()}",
        f"hw_mode={'b' if ap.flavour == 'b' else 'g'}",
        f"channel={ap.channel}",
        f"ieee80211n={int(ap.flavour == 'n')}",
        f"wmm_enabled={int(ap.flavour == 'n')}",
        "auth_algs=1",
        f"max_num_sta={ap.max_stations}",
        f"ignore_broadcast_ssid={int(ap.hidden)}",
    ]
    if ap.country:
        lines += [f"country_code={ap.country}", "ieee80211d=1"]
    if ap.passphrase:
        key = wpa.pmk(ap.passphrase, ap.ssid).hex()
        lines += ["wpa=2", "wpa_key_mgmt=WPA-PSK", "rsn_pairwise=CCMP", f"wpa_psk={key}"]
    return "\n".join(lines) + "\n"
