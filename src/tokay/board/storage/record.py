"""What is kept of one device beside its files: settings and facts, with a checksum.

A record has one canonical spelling, its body. The database keeps the CRC-32 of the body beside
the rows that it was made from, and the last-good copy keeps the body itself. Equal checksums
therefore mean the same settings and facts, saved at the same moment, in either place.
"""

import json
import zlib
from collections.abc import Mapping
from typing import NamedTuple


class DeviceRecord(NamedTuple):
    """The settings and facts of one device, as saved at one moment."""

    device: str
    sequence: int
    """Counts the saves of all devices; of two records of a device the higher is the newer."""
    settings: Mapping[str, str]
    facts: Mapping[str, str]
    erased: bool = False
    """The device was erased at this moment: older records of it are no longer wanted."""

    def body(self) -> bytes:
        """Return the canonical spelling: one line of JSON without its line end."""
        fields: dict[str, object] = {"device": self.device, "sequence": self.sequence}
        if self.erased:
            fields["erased"] = True
        else:
            fields["settings"] = self.settings
            fields["facts"] = self.facts
        text = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return text.encode("utf-8", "surrogatepass")


def encode_mark(sequence: int) -> bytes:
    """Return the body that stands in the copy for a save of no settings, such as a file's."""
    return b'{"sequence":%d}' % sequence


def parse_mark(body: bytes) -> int | None:
    """Return the sequence of a mark; None for a record's body. Raises ValueError."""
    if body.startswith(b'{"sequence":'):
        return int(body[12:-1])
    return None


def parse(body: bytes) -> DeviceRecord:
    """Return the record that a body spells. Raises ValueError, KeyError or TypeError."""
    fields = json.loads(body.decode("utf-8", "surrogatepass"))
    erased = fields.get("erased", False)
    return DeviceRecord(
        fields["device"],
        fields["sequence"],
        {} if erased else fields["settings"],
        {} if erased else fields["facts"],
        erased,
    )


def checksum(body: bytes) -> int:
    """Return the CRC-32 of a body (or of a file's content)."""
    return zlib.crc32(body)
