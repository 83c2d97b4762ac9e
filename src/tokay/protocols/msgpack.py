"""MessagePack, as far as the command stream needs it: maps of names, numbers, texts and bytes.

``pack`` writes the shortest form; ``unpack`` reads every form of the types that it knows. What is
cut short, nested deeper than MAX_DEPTH, or of another type is a ``MsgpackError``.

Source: the MessagePack specification, "Formats".
"""

import struct
from collections.abc import Mapping

MAX_DEPTH = 8

Value = None | bool | int | float | str | bytes | list["Value"] | dict[str, "Value"]

# First byte: the format of the number that follows, and what kind of value that begins.
_NUMBERS = {
    0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q",
    0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q",
}  # fmt: skip
_LENGTHS = {
    0xC4: (">B", "bin"), 0xC5: (">H", "bin"), 0xC6: (">I", "bin"),
    0xD9: (">B", "str"), 0xDA: (">H", "str"), 0xDB: (">I", "str"),
    0xDC: (">H", "array"), 0xDD: (">I", "array"), 0xDE: (">H", "map"), 0xDF: (">I", "map"),
}  # fmt: skip
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}


class MsgpackError(ValueError):
    """Bytes that are no MessagePack, or none that is known here."""


def pack(fields: Mapping[str, int | str | bytes]) -> bytes:
    """Return a map of up to 15 fields. Numbers are 0 to 2**32 - 1."""
    parts = [bytes((0x80 | len(fields),))]
    for name, value in fields.items():
        parts += [_pack(name), _pack(value)]
    return b"".join(parts)


def _pack(value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return bytes((value,)) if 0 <= value < 128 else b"\xce" + struct.pack(">I", value)
    if isinstance(value, bytes):
        size = len(value)
        if size < 1 << 8:
            return bytes((0xC4, size)) + value
        return (
            b"\xc5%b" % size.to_bytes(2) if size < 1 << 16 else b"\xc6%b" % size.to_bytes(4)
        ) + value
    text = value.encode()
    size = len(text)
    if size < 32:
        return bytes((0xA0 | size,)) + text
    if size < 1 << 8:
        return bytes((0xD9, size)) + text
    return (b"\xda%b" % size.to_bytes(2) if size < 1 << 16 else b"\xdb%b" % size.to_bytes(4)) + text


def unpack(data: bytes) -> Value:
    """Return the one value that ``data`` is. Raises MsgpackError."""
    try:
        value, end = _unpack(data, 0, 0)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise MsgpackError(str(error)) from None
    if end != len(data):
        raise MsgpackError("bytes behind the value")
    return value


def _unpack(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    if depth > MAX_DEPTH:
        raise MsgpackError("nested too deep")
    first = data[at]
    at += 1
    if first < 0x80:
        return first, at
    if first >= 0xE0:
        return first - 256, at
    if first in _CONSTANTS:
        return _CONSTANTS[first], at
    if first in _NUMBERS:
        form = _NUMBERS[first]
        (number,) = struct.unpack_from(form, data, at)
        return number, at + struct.calcsize(form)
    kind, size, at = _sized(data, first, at)
    if kind in ("str", "bin"):
        end = at + size
        if end > len(data):
            raise MsgpackError("cut short")
        return (data[at:end].decode() if kind == "str" else data[at:end]), end
    if size > len(data) - at:
        raise MsgpackError("cut short")
    return _collection(data, kind, size, at, depth)


def _sized(data: bytes, first: int, at: int) -> tuple[str, int, int]:
    """Return kind, size, and where the content begins."""
    if first < 0x90:
        return "map", first & 0xF, at
    if first < 0xA0:
        return "array", first & 0xF, at
    if first < 0xC0:
        return "str", first & 0x1F, at
    if first not in _LENGTHS:
        raise MsgpackError(f"type 0x{first:02X}")
    form, kind = _LENGTHS[first]
    (size,) = struct.unpack_from(form, data, at)
    return kind, size, at + struct.calcsize(form)


def _collection(data: bytes, kind: str, size: int, at: int, depth: int) -> tuple[Value, int]:
    if kind == "array":
        items: list[Value] = []
        for _ in range(size):
            item, at = _unpack(data, at, depth + 1)
            items.append(item)
        return items, at
    fields: dict[str, Value] = {}
    for _ in range(size):
        name, at = _unpack(data, at, depth + 1)
        fields[str(name)], at = _unpack(data, at, depth + 1)
    return fields, at
