"""How wpa_supplicant prints bytes that are not text: escapes as in C (`printf_encode`)."""

import re

_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_NAMED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"e": b"\x1b"}


def unescape(text: bytes) -> bytes:
    r"""Return the bytes that were printed, of an SSID for instance.

    ``\\``, ``\"``, ``\n``, ``\r``, ``\t``, ``\e`` and ``\xHH`` are escapes; an unknown one stands
    for the character behind the backslash.
    """
    if b"\\" not in text:
        return text
    return _ESCAPE.sub(_replace, text)


def _replace(match: re.Match[bytes]) -> bytes:
    if match[1] is not None:
        return bytes.fromhex(match[1].decode())
    return _NAMED.get(match[2], match[2])
