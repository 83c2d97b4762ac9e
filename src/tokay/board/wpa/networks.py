"""What is in range, in the device's words, and what it takes to join it."""

from collections.abc import Sequence

from tokay.board.passkey import wep_key
from tokay.board.radio import JoinError, JoinFailure, JoinRequest, ScanResult
from tokay.board.security import Security
from tokay.protocols import ieee80211, wpa
from tokay.protocols.ieee80211 import Akm, Cipher
from tokay.protocols.wpa_ctrl import Bss, KeyManagement, StationSettings

_TKIP, _CCMP = ("TKIP",), ("CCMP",)
_BOTH = ("CCMP", "TKIP")

# What a station offers for each security type: key management, RSN, the older WPA, ciphers.
_OFFERS: dict[Security, tuple[KeyManagement, bool, bool, Sequence[str]]] = {
    Security.WPA_AES: (KeyManagement.PSK, False, True, _CCMP),
    Security.WPA_TKIP: (KeyManagement.PSK, False, True, _TKIP),
    Security.WPA2_AES: (KeyManagement.PSK, True, False, _CCMP),
    Security.WPA2_TKIP: (KeyManagement.PSK, True, False, _TKIP),
    Security.WPA2_MIXED: (KeyManagement.PSK, True, True, _BOTH),
    Security.WPA3_SAE: (KeyManagement.SAE, True, False, _CCMP),
    Security.WPA3_MIXED: (KeyManagement.SAE | KeyManagement.PSK, True, False, _CCMP),
}


def scan_result(bss: Bss) -> ScanResult | None:
    """Return a line of a scan; None for what is not in the 2.4 GHz band of the module."""
    channel = ieee80211.channel_of(bss.frequency)
    if channel is None:
        return None
    hidden = not bss.ssid.strip(b"\0")
    return ScanResult(
        ssid="" if hidden else bss.ssid.decode("latin-1"),
        bssid=bss.bssid.upper(),
        channel=channel,
        rssi=max(-100, min(0, bss.level)),
        rate=bss.elements.rate,
        security=security_of(bss.elements),
        hidden=hidden,
    )


def security_of(elements: ieee80211.Elements) -> Security:
    """Return the security type of an access point.

    A network whose keys come from a server (802.1X) is shown by its cipher; it cannot be joined.
    """
    rsn, old = elements.rsn, elements.wpa
    if rsn is None and old is None:
        return Security.WEP if elements.privacy else Security.OPEN
    if rsn is not None and Akm.SAE in rsn.akms:
        return Security.WPA3_MIXED if Akm.PSK in rsn.akms else Security.WPA3_SAE
    if rsn is not None and old is not None:
        return Security.WPA2_MIXED
    if rsn is not None:
        if rsn.ciphers == Cipher.CCMP | Cipher.TKIP:
            return Security.WPA2_MIXED
        return Security.WPA2_TKIP if rsn.ciphers == Cipher.TKIP else Security.WPA2_AES
    assert old is not None  # noqa: S101 - one of the two is there
    return Security.WPA_TKIP if old.ciphers == Cipher.TKIP else Security.WPA_AES


def settings_for(request: JoinRequest, bss: Bss) -> tuple[StationSettings, Security]:
    """Return what joins an access point, and the security agreed on. Raises JoinError."""
    theirs = security_of(bss.elements)
    asked = theirs if request.security is None else request.security
    if not theirs.accepts(asked):
        raise JoinError(JoinFailure.BAD_SECURITY)
    if theirs.has_psk and not _has_key(bss.elements):
        raise JoinError(JoinFailure.BAD_SECURITY)  # its keys come from a server
    common = StationSettings(
        ssid=bss.ssid or request.ssid.encode("latin-1"),
        bssid=bss.bssid,
        only_bssid=not request.roam,
        frequencies=(bss.frequency,),
    )
    if asked is Security.OPEN:
        return common, asked
    if not request.passkey:
        raise JoinError(JoinFailure.NO_PASSKEY)
    if asked is Security.WEP:
        key = wep_key(request.passkey)
        if key is None:
            raise JoinError(JoinFailure.WRONG_PASSKEY)
        return common._replace(wep_key=key), asked
    return _with_wpa(common, request.passkey, asked)


def _with_wpa(
    common: StationSettings, passkey: str, asked: Security
) -> tuple[StationSettings, Security]:
    management, rsn, old, ciphers = _OFFERS[asked]
    if wpa.is_psk(passkey):
        # SAE takes a password; a ready key is of use for WPA2 alone.
        management &= KeyManagement.PSK
    elif not wpa.is_passphrase(passkey):
        raise JoinError(JoinFailure.WRONG_PASSKEY)
    if not management:
        raise JoinError(JoinFailure.BAD_SECURITY)
    settings = common._replace(
        key_management=management, rsn=rsn, wpa=old, ciphers=ciphers, passphrase=passkey
    )
    return settings, asked


def _has_key(elements: ieee80211.Elements) -> bool:
    """Return whether a passphrase is enough."""
    suites = [one for one in (elements.rsn, elements.wpa) if one is not None]
    return any(one.akms & (Akm.PSK | Akm.SAE) for one in suites)
