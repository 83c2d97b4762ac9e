import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.protocols.dns import ROOT, DnsError, name_from_text, name_to_text
from tokay.protocols.dns.name import read_name, write_name

LABELS = st.lists(st.binary(min_size=1, max_size=63), max_size=8)
NAMES = LABELS.map(lambda labels: b"".join(bytes((len(x),)) + x for x in labels) + b"\0").filter(
    lambda name: len(name) <= 255
)
HEADER = bytes(12)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("setup.com", b"\x05setup\x03com\0"),
        ("setup.com.", b"\x05setup\x03com\0"),
        ("Gecko OS.com", b"\x08Gecko OS\x03com\0"),
        ("", ROOT),
        (".", ROOT),
        (r"a\.b.", b"\x03a.b\0"),
        (r"a\.b.c\\", b"\x03a.b\x02c\\\0"),
        (r"a\000b\255\.", b"\x05a\0b\xff.\0"),
        ("küche.local", b"\x06k\xc3\xbcche\x05local\0"),
        ("a" * 63, b"\x3f" + b"a" * 63 + b"\0"),
    ],
)
def test_text_to_name(text: str, name: bytes) -> None:
    assert name_from_text(text) == name


@pytest.mark.parametrize(
    "text",
    ["a..b", ".a", "..", "a" * 64, ".".join(["a" * 63] * 4), "a\\", r"\25", r"\256", "\ud800"],
)
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(DnsError):
        name_from_text(text)


def test_the_longest_name_has_255_octets() -> None:
    text = ".".join(["a" * 63] * 3 + ["b" * 61])
    assert len(name_from_text(text)) == 255
    with pytest.raises(DnsError):
        name_from_text(text + "b")


def test_names_print_without_escape_sequences() -> None:
    assert name_to_text(b"\x04\x1b[2J\x02\xff\xc3\0") == r"\027[2J.\255\195"
    assert name_to_text(b"\x04k\xc3\xbc.\0") == r"kü\."
    assert name_to_text(ROOT) == "."


@given(NAMES)
def test_text_brings_back_the_name(name: bytes) -> None:
    text = name_to_text(name)
    assert text.isprintable()
    assert name_from_text(text) == name


@given(st.text())
def test_any_text_is_a_name_or_an_error(text: str) -> None:
    try:
        name = name_from_text(text)
    except DnsError:
        return
    assert name_from_text(name_to_text(name)) == name


@pytest.mark.parametrize("name", [b"", b"\x01a", b"\x05a\0", b"\x40" + b"a" * 64 + b"\0"])
def test_bytes_that_are_no_name_are_the_callers_mistake(name: bytes) -> None:
    with pytest.raises(ValueError, match="no name"):
        name_to_text(name)
    with pytest.raises(ValueError, match="no name"):
        write_name(bytearray(), name, {})


@pytest.mark.parametrize("name", [b"\0\0", b"\x01a\0b", b"\x3f" + b"a" * 63 + b"\0" * 200])
def test_a_name_ends_where_it_ends(name: bytes) -> None:
    with pytest.raises(ValueError, match="name"):
        write_name(bytearray(), name, {})


def test_tails_are_written_once() -> None:
    out = bytearray(12)
    places: dict[bytes, int] = {}
    for text in ("a.example.com", "b.example.com", "example.com", "EXAMPLE.com", "."):
        write_name(out, name_from_text(text), places)
    assert out[12:] == (
        b"\x01a\x07example\x03com\0" + b"\x01b\xc0\x0e" + b"\xc0\x0e" + b"\x07EXAMPLE\xc0\x16\0"
    )


def test_no_pointer_goes_beyond_its_fourteen_bits() -> None:
    out = bytearray(0x3FFF)
    places: dict[bytes, int] = {}
    for _ in range(3):
        write_name(out, b"\x01a\x01b\0", places)
    assert out[0x3FFF:] == b"\x01a\x01b\0" + b"\xff\xff" * 2


@given(st.lists(NAMES, max_size=10))
def test_written_names_are_read_back(names: list[bytes]) -> None:
    out = bytearray(12)
    places: dict[bytes, int] = {}
    spans = []
    for name in names:
        start = len(out)
        write_name(out, name, places)
        spans.append((name, start, len(out)))
    data = bytes(out)
    known: dict[int, bytes] = {}
    for name, start, end in spans:
        assert read_name(data, start, known) == (name, end)
        assert read_name(data, start, {}) == (name, end)


@pytest.mark.parametrize(
    "tail",
    [
        b"",  # nothing
        b"\x01a",  # no end
        b"\x05a\0",  # a label beyond the end
        b"\xc0",  # half a pointer
        b"\xc0\x0c",  # to itself
        b"\x01a\xc0\x0c",  # to its own labels
        b"\x01a\xc0\x0e",
        b"\xc0\x0e\xc0\x0c",  # to each other
        b"\xc0\x10\0\0\x01a\0",  # forwards
        b"\xc0\x00",  # into the header
        b"\xc0\x0b",
        b"\x40a\0",  # label types that never came to be
        b"\x80a\0",
        b"\x3f" + b"a" * 63 + (b"\x3f" + b"a" * 63) * 3 + b"\0",  # 257 octets
    ],
)
def test_malformed_names(tail: bytes) -> None:
    with pytest.raises(DnsError):
        read_name(HEADER + tail, 12, {})


def test_a_name_is_at_most_255_octets_after_its_pointers_too() -> None:
    far = b"".join(b"\x3f" + b"a" * 63 for _ in range(3)) + b"\0"
    for near, fits in ((61, True), (62, False)):
        data = HEADER + far + bytes((near,)) + b"b" * near + b"\xc0\x0c"
        for known in ({}, {12: far}):
            if fits:
                assert len(read_name(data, 12 + len(far), dict(known))[0]) == 255
            else:
                with pytest.raises(DnsError):
                    read_name(data, 12 + len(far), dict(known))


def test_ladders_of_pointers_end() -> None:
    rungs = [b"\x01a\0"] + [
        (0xC000 | (12 if i == 0 else 13 + 2 * i)).to_bytes(2) for i in range(200)
    ]
    data = HEADER + b"".join(rungs)
    top = 15 + 2 * 126
    assert read_name(data, top, {}) == (b"\x01a\0", top + 2)
    with pytest.raises(DnsError):
        read_name(data, top + 2, {})
