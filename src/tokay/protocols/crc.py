"""The two checksums that Gecko OS generations use for files.

Gecko OS 4 gives the CRC-32 of zlib; ZentriOS and Gecko OS 2 a CRC-CCITT whose input bytes are
reflected and whose output is not (polynomial 0x1021, first value 0xFFFF). Sources:
docs/protocol/commands.md, section 4.1; docs/protocol/web-and-discovery.md, section 4.4.
"""

import binascii
import zlib

_FIRST = 0xFFFF
_REFLECTED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def crc16(data: bytes | bytearray) -> int:
    """Return the checksum of ``data``, 0-0xFFFF: 0x89F6 for ``123456789``."""
    return binascii.crc_hqx(data.translate(_REFLECTED), _FIRST)


def crc32(data: bytes | bytearray) -> int:
    """Return the CRC-32 of ``data``, 0-0xFFFFFFFF."""
    return zlib.crc32(data)
