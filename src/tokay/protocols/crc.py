"""The two checksums that Gecko OS generations use for files.

Gecko OS 4 gives the CRC-32 of zlib; ZentriOS and Gecko OS 2 a CRC-CCITT with reflected input
(polynomial 0x1021, first value 0xFFFF). Source: commands-system, section 4.1.
"""

import zlib

_POLYNOMIAL_REFLECTED = 0x8408
_FIRST = 0xFFFF


def _row(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ _POLYNOMIAL_REFLECTED if byte & 1 else byte >> 1
    return byte


_TABLE = tuple(_row(byte) for byte in range(256))


def crc16(data: bytes) -> int:
    """Return the CRC-CCITT of ``data``, 0-0xFFFF."""
    value = _FIRST
    for byte in data:
        value = (value >> 8) ^ _TABLE[(value ^ byte) & 0xFF]
    return value


def crc32(data: bytes) -> int:
    """Return the CRC-32 of ``data``, 0-0xFFFFFFFF."""
    return zlib.crc32(data)
