r"""Domain names, as bytes and as text (RFC 1035 sections 3.1, 4.1.4 and 5.1).

A name is a list of labels, each 1-63 octets of anything, and the root's empty label; 255 octets
at most with the length octet before each. That form, without compression, is what a name *is*
in this package: plain `bytes`, such as `b"\x05setup\x03com\x00"`. Two names are the same when
their `lower()` is: only ASCII letters fold (RFC 4343), and no length octet is one, for lengths
end at 63 and letters begin at 65.

In a message the tail of a name may be a pointer to an earlier place. Pointers are where decoders
hang or explode, so there are three rules. A pointer must lead to before the labels that led to
it: then it is a prior name, as the RFC says, and a walk cannot come back. A name takes 127
pointers at most: it has no more labels, so that a longer walk would be a ladder of pointers to
pointers. And a place that was walked once is remembered.

In text a dot parts labels, and a backslash escapes: `\.`, `\\`, and `\DDD` for an octet that
cannot be printed. Letters outside ASCII are UTF-8 (RFC 6762 section 16); there is no IDNA.
"""

__all__ = ["ROOT", "DnsError", "name_from_text", "name_to_text", "read_name", "write_name"]

ROOT = b"\0"

_MAX_NAME = 255
_MAX_LABEL = 63
_MAX_POINTERS = 127
_POINTER = 0xC0  # the two top bits of its first octet; 0x40 and 0x80 never came to be (RFC 6891)
_POINTER_REACH = 0x4000
_HEADER_SIZE = 12


class DnsError(ValueError):
    """The bytes are not a DNS message, or the text is not a name."""


def name_from_text(text: str) -> bytes:
    """Return the name that is written as `text`, with or without the dot at its end.

    Raises `DnsError` for an empty label, one of more than 63 octets, more than 255 in all, or a
    bad escape. Nothing is said about which letters host names may have.
    """
    try:
        octets = text.encode()
    except UnicodeEncodeError as error:
        raise DnsError("a name has a lone surrogate") from error
    if octets in (b"", b"."):
        return ROOT
    labels = _unescape(octets) if b"\\" in octets else octets.removesuffix(b".").split(b".")
    name = bytearray()
    for label in labels:
        if not 0 < len(label) <= _MAX_LABEL:
            raise DnsError(f"a label of {len(label)} octets")
        name.append(len(label))
        name += label
    name.append(0)
    if len(name) > _MAX_NAME:
        raise DnsError(f"a name of {len(name)} octets")
    return bytes(name)


def name_to_text(name: bytes) -> str:
    """Return `name` as text, safe to print, without a dot at its end; the root is `.`.

    `name_from_text` gives `name` back. A `name` that is none is a mistake of the caller, and
    raises `ValueError`.
    """
    labels = []
    at = 0
    while length := _label_length(name, at):
        label = name[at + 1 : at + 1 + length]
        at += 1 + length
        text = label.decode("ascii", "replace")
        if not text.isprintable() or not text.isascii() or "." in text or "\\" in text:
            text = "".join(map(_escape, label.decode("utf-8", "surrogateescape")))
        labels.append(text)
    return ".".join(labels) or "."


def read_name(data: bytes, at: int, known: dict[int, bytes]) -> tuple[bytes, int]:
    """Read the name at `at` in the message `data`; return it with the place after it.

    `known` holds the names found at places of this message, and learns this one. Raises
    `DnsError`.
    """
    start = run = at  # `run` is where the labels in hand begin
    end = pointers = before = 0
    name = b""
    while True:
        if at >= len(data):
            raise DnsError("a name is cut off")
        length = data[at]
        if 0 < length <= _MAX_LABEL:
            at += 1 + length
            if before + at - run >= _MAX_NAME:
                raise DnsError("a name of more than 255 octets")
            continue
        if length == 0:
            name += data[run : at + 1]
            end = end or at + 1
            break
        if length < _POINTER or at + 1 >= len(data):
            raise DnsError("a label of no known kind, or half a pointer")
        name += data[run:at]
        before = len(name)
        end = end or at + 2
        target = (length & ~_POINTER) << 8 | data[at + 1]
        pointers += 1
        if not _HEADER_SIZE <= target < run or pointers > _MAX_POINTERS:
            raise DnsError("a pointer that does not lead to an earlier name")
        if (tail := known.get(target)) is not None:
            name += tail
            break
        run = at = target
    if len(name) > _MAX_NAME:
        raise DnsError("a name of more than 255 octets")
    known[start] = name
    return name, end


def write_name(out: bytearray, name: bytes, places: dict[bytes, int]) -> None:
    """Append `name` to the message `out`, with a pointer where its tail has been written before.

    `places` says where, and learns. Tails that differ in case are kept apart, so that every name
    is read as it was written. Raises `ValueError` when `name` is none.
    """
    if len(name) > _MAX_NAME:
        raise ValueError(f"a name of {len(name)} octets")
    at = 0
    while length := _label_length(name, at):
        tail = name[at:]
        place = places.get(tail)
        if place is not None:
            out += (_POINTER << 8 | place).to_bytes(2)
            return
        if len(out) < _POINTER_REACH:
            places[tail] = len(out)
        out += tail[: 1 + length]
        at += 1 + length
    if at + 1 != len(name):
        raise ValueError("a name goes on after its end")
    out.append(0)


def _label_length(name: bytes, at: int) -> int:
    length = name[at] if at < len(name) else 0xFF
    if length > _MAX_LABEL or at + length >= len(name):
        raise ValueError("these bytes are no name")
    return length


def _unescape(octets: bytes) -> list[bytes]:
    """Part text at its bare dots, and undo the escapes in the parts."""
    labels = [bytearray()]
    at = 0
    while at < len(octets):
        octet = octets[at]
        at += 1
        if octet == ord("."):
            if at < len(octets):
                labels.append(bytearray())
            continue
        if octet == ord("\\"):
            digits = octets[at : at + 3]
            if len(digits) == 3 and digits.isdigit() and int(digits) < 256:
                octet = int(digits)
                at += 3
            elif digits and not digits[:1].isdigit():
                octet = digits[0]
                at += 1
            else:
                raise DnsError("a name has a bad escape")
        labels[-1].append(octet)
    return [bytes(label) for label in labels]


def _escape(character: str) -> str:
    if character in ".\\":
        return "\\" + character
    if character.isprintable():
        return character
    octets = character.encode("utf-8", "surrogateescape")
    return "".join(f"\\{octet:03}" for octet in octets)
