"""What a module says it is, and which generation's dialect it therefore speaks.

Sources: docs/protocol/command-protocol.md, section 11; docs/protocol/commands.md, section 4.
"""

import re
from dataclasses import dataclass
from enum import Enum

_OS = re.compile(
    r"(?P<name>Gecko[ _]OS|ZentriOS|WiConnect)(?:-[A-Za-z]+)*-(?P<version>\d+(?:\.\d+)*)"
)


class Generation(Enum):
    """The four generations; the values are the names of their profiles."""

    GECKO_OS_4 = "gecko-os-4"
    GECKO_OS_2 = "gecko-os-2"
    ZENTRIOS_3 = "zentrios-3"
    WICONNECT_2 = "wiconnect-2"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs from generation to generation, for a host."""

    crc32: bool
    """Whether a file's checksum is CRC-32; else it is the CRC-16 of the older ones."""
    options_last: bool
    """Whether `file_create` takes its options behind the size; else positions count."""
    name_column: int
    """Which word of an `ls -v` row begins the name."""
    setup_web: str
    max_rest_data: int
    """Bytes of data in one REST request: the whole of it has 4096, or 1024."""


_OLD = Dialect(
    crc32=False, options_last=False, name_column=7, setup_web="setup web", max_rest_data=2500
)
DIALECTS = {
    Generation.GECKO_OS_4: Dialect(
        crc32=True, options_last=True, name_column=11, setup_web="setup_web", max_rest_data=2560
    ),
    Generation.GECKO_OS_2: Dialect(
        crc32=False, options_last=False, name_column=7, setup_web="setup_web", max_rest_data=700
    ),
    Generation.ZENTRIOS_3: _OLD,
    Generation.WICONNECT_2: _OLD,
}


@dataclass(frozen=True, slots=True)
class Version:
    """The version line, taken apart.

    ``product`` is its first field. ``os`` is `Gecko OS`, `ZentriOS` or `WiConnect`, ``os_version``
    its numbers, ``board`` the hardware; each is empty if the line does not say.
    """

    text: str
    product: str
    os: str
    os_version: str
    board: str
    generation: Generation | None

    @property
    def dialect(self) -> Dialect:
        """The dialect; that of Gecko OS 4 for a module of no known generation."""
        return DIALECTS[self.generation or Generation.GECKO_OS_4]

    def __str__(self) -> str:
        return self.text


def parse_version(text: str) -> Version:
    """Return what a version line says."""
    line = text.strip().splitlines()[0] if text.strip() else ""
    fields = [part.strip() for part in line.split(",")]
    found = _OS.search(line)
    name = found["name"].replace("_", " ") if found else ""
    number = found["version"] if found else ""
    board = next((part.partition(":")[2] for part in fields if part.startswith("Board:")), "")
    if not board and len(fields) > 2 and name == "Gecko OS":
        board = fields[2]
    return Version(line, fields[0], name, number, board, _generation(name, number))


def _generation(name: str, number: str) -> Generation | None:
    match name:
        case "Gecko OS":
            return (
                Generation.GECKO_OS_4
                if int(number.partition(".")[0]) >= 4
                else Generation.GECKO_OS_2
            )
        case "ZentriOS":
            return Generation.ZENTRIOS_3
        case "WiConnect":
            return Generation.WICONNECT_2
    return None
