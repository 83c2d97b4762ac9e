"""Passkeys of access points: what each security type takes for one.

The value itself stays out of every message.
"""

import re

from tokay.board.air.errors import AirspaceError
from tokay.board.security import Security
from tokay.protocols import wpa

_WEP_KEY = re.compile(r"[\x00-\xFF]{5}|[\x00-\xFF]{13}|[0-9A-Fa-f]{10}|[0-9A-Fa-f]{26}")


def passkey_text(passphrase: str | bytes | None) -> str:
    """Return a passkey with one character a byte (latin-1), as a device keeps it.

    Text is sent as UTF-8, as an SSID is.
    """
    raw = passphrase.encode() if isinstance(passphrase, str) else passphrase or b""
    return raw.decode("latin-1")


def check_passphrase(security: Security, passphrase: str) -> None:
    """Raise AirspaceError if an access point with this security cannot have this passphrase.

    ``passphrase`` is that of `passkey_text`.
    """
    if security is Security.OPEN:
        if passphrase:
            raise AirspaceError("passphrase: an Open network has none")
    elif not passphrase:
        raise AirspaceError(f"passphrase: missing for {security} security")
    elif security is Security.WEP:
        if wep_key(passphrase) is None:
            raise AirspaceError("passphrase: a WEP key is 5 or 13 characters, 10 or 26 hex")
    elif not (wpa.is_passphrase(passphrase) or wpa.is_psk(passphrase)):
        raise AirspaceError("passphrase: must be 8 to 63 bytes or 64 hex digits")


def wep_key(text: str) -> bytes | None:
    """Return a WEP key's 5 or 13 bytes from characters or hex digits; None if it is none."""
    if not _WEP_KEY.fullmatch(text):
        return None
    return bytes.fromhex(text) if len(text) in (10, 26) else text.encode("latin-1")
