"""The two checksums that Gecko OS generations use for files.

Gecko OS 4 gives the CRC-32 of zlib; ZentriOS and Gecko OS 2 a CRC-CCITT with reflected input
(polynomial 0x1021, first value 0xFFFF). Source: commands-system, section 4.1.
"""

import binascii
import zlib

_FIRST = 0xFFFF
_REFLECTED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def crc16(data: bytes | bytearray) -> int:
    """Return the CRC-CCITT of ``data``, 0-0xFFFF."""
    # The C library has the checksum without reflection: turn round what goes in and what comes out.
    value = binascii.crc_hqx(data.translate(_REFLECTED), _FIRST)
    return _REFLECTED[value & 0xFF] << 8 | _REFLECTED[value >> 8]


def crc32(data: bytes | bytearray) -> int:
    """Return the CRC-32 of ``data``, 0-0xFFFFFFFF."""
    return zlib.crc32(data)
