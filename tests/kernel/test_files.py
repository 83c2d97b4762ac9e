"""Files: both grammars, checksums, limits, and listings as clients take them apart."""

import zlib
from collections.abc import Iterator

import pytest
from tests.dialogue import PROFILES, Talk

from tokay.board.storage import Storage
from tokay.kernel.files import parse_version
from tokay.kernel.results import CommandError, Result
from tokay.protocols.crc import crc16

OLD = ("gecko-os-2", "wiconnect-2", "zentrios-3")
FAILED = (1, "Command failed")
DONE = (0, "Success")
DATA = b"123456789"


@pytest.fixture(autouse=True)
def no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with no file: those of the package have tests of their own."""
    monkeypatch.setattr("tokay.plugins.webapp.pages", lambda *_: {})


@pytest.fixture(params=PROFILES)
def talk(request: pytest.FixtureRequest) -> Iterator[Talk]:
    with Talk(request.param) as talk:
        yield talk


@pytest.fixture
def new() -> Iterator[Talk]:
    with Talk("gecko-os-4") as talk:
        yield talk


@pytest.fixture(params=OLD)
def old(request: pytest.FixtureRequest) -> Iterator[Talk]:
    with Talk(request.param) as talk:
        yield talk


def test_the_checksums() -> None:
    # The check value of docs/protocol/web-and-discovery.md, section 4.4.
    assert crc16(DATA) == 0x89F6
    assert crc16(b"") == 0xFFFF


# Making files.


def test_a_file_comes_and_goes(talk: Talk) -> None:
    assert talk.answer("file_create hello.txt 12", b"Hello World!") == DONE
    assert talk.answer("file_open hello.txt") == (0, "0")
    assert talk.answer("read 0 5") == (0, "Hello")
    assert talk.answer("read 0 100") == (0, " World!")
    assert talk.answer("file_delete hello.txt") == DONE
    assert talk.answer("file_open hello.txt") == FAILED
    assert talk.answer("file_delete hello.txt") == FAILED


def test_the_defaults(talk: Talk) -> None:
    talk.ask("fcr a.txt 1", b"x")
    stored = talk.kernel.files.stat("a.txt")
    rules = talk.profile.files
    assert (stored.version, stored.type, stored.flags, stored.location, stored.size) == (
        "1.0.0.0", rules.default_type, 0x0001, "extended", 1,
    )  # fmt: skip


def test_the_new_grammar(new: Talk) -> None:
    crc = f"0x{zlib.crc32(DATA):X}"
    line = f"fcr a.txt 9 -l bulk -v 2.3 -t 0x45 -c {crc} -e -u -m 7 -p 1 -d"
    assert new.answer(line, DATA) == DONE
    stored = new.kernel.files.stat("a.txt")
    assert (stored.version, stored.type, stored.flags, stored.location, stored.crc) == (
        "2.3.0.0", 0x45, 0x00C1, "bulk", zlib.crc32(DATA),
    )  # fmt: skip


@pytest.mark.parametrize("line", ["fcr -v 1.2 -u a.txt 9", "fcr a.txt -u 9 -v 1.2"])
def test_options_may_stand_anywhere(new: Talk, line: str) -> None:
    assert new.answer(line, DATA) == DONE
    assert new.kernel.files.stat("a.txt").version == "1.2.0.0"


def test_the_old_grammar(old: Talk) -> None:
    assert old.answer("fcr -eu a.txt 9 2.3.4 0x81 89F6", DATA) == DONE
    stored = old.kernel.files.stat("a.txt")
    assert (stored.version, stored.type, stored.flags) == ("2.3.4.0", 0x81, 0x00C1)


def test_the_old_grammar_one_by_one(old: Talk) -> None:
    assert old.answer("fcr a 1", b"x") == DONE
    assert old.answer("fcr b 1 1.2", b"x") == DONE
    assert old.answer("fcr c 1 1.2 FD", b"x") == DONE
    assert old.answer("fcr -e -u d 1 1.2 254", b"x") == DONE
    files = {f.name: (f.version, f.type) for f in old.kernel.files.list()}
    assert files == {
        "a": ("1.0.0.0", 0xFE),
        "b": ("1.2.0.0", 0xFE),
        "c": ("1.2.0.0", 0xFD),
        "d": ("1.2.0.0", 0xFE),
    }


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("fcr", 4),
        ("fcr a", 4),
        ("fcr a x", 7),
        ("fcr a -1", 7),
        ("fcr a 4294967296", 7),
        ("fcr a 9 -t 256", 7),
        ("fcr a 9 -t 0x1FF", 7),
        ("fcr a 9 -v 1.2.3.4.5", 7),
        ("fcr a 9 -v 1.256", 7),
        ("fcr a 9 -v one", 7),
        ("fcr a 9 -c xyz", 7),
        ("fcr a 9 -l moon", 7),
        ("fcr a 9 -x", 6),
        ("fcr a 9 -t", 4),
        ("fcr a 9 9", 5),
        ("fcr a 0", 1),
        ("fcr sys/kernel.bin 9", 1),
        ("fcr a 999999999", 1),
    ],
)
def test_what_file_create_refuses(new: Talk, line: str, code: int) -> None:
    new.send(line.encode() + b"\r\n")
    new.turn(1)
    assert new.reply(new.heard())[0] == code
    assert new.kernel.files.list() == []


def test_a_name_that_is_taken(talk: Talk) -> None:
    talk.ask("fcr a.txt 3", b"abc")
    assert talk.answer("fcr a.txt 3", b"xyz") == FAILED
    assert talk.kernel.files.read("a.txt", 0, 9) == b"abc"


@pytest.mark.parametrize(
    "name", ["a", "webapp/index.html", "a//b", "..a", ".", "a b", "x" * 64, "a,b;c"]
)
def test_names_that_serve(talk: Talk, name: str) -> None:
    assert talk.answer(f'fcr "{name}" 3', b"abc") == DONE
    assert [stored.name for stored in talk.kernel.files.list()] == [name]
    assert talk.answer(f'fop "{name}"') == (0, "0")
    talk.ask("close 0")
    assert talk.answer(f'fde "{name}"') == DONE


@pytest.mark.parametrize("name", ["", "x" * 65, "a\x80b"])
def test_names_that_do_not_serve(talk: Talk, name: str) -> None:
    assert talk.answer(f'fcr "{name}" 3', b"abc")[0] in (1, 7)
    assert talk.kernel.files.list() == []


# Checksums.

NEGATIVE = zlib.crc32(b"a")
assert NEGATIVE >> 31, "a checksum that is negative as a signed number"
SMALL = next(str(n).encode() for n in range(100000) if zlib.crc32(str(n).encode()) < 0x00100000)


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (b"a", "0xE8B7BE43"),
        (b"a", "e8b7be43"),
        (b"a", "0XE8B7BE43"),
        (b"a", f"-0x{(1 << 32) - NEGATIVE:X}"),
        (b"a", f"-{(1 << 32) - NEGATIVE:x}"),
        (SMALL, f"0x{zlib.crc32(SMALL):X}"),
        (SMALL, f"{zlib.crc32(SMALL):x}"),
        (SMALL, f"0x{zlib.crc32(SMALL):08X}"),
    ],
)
def test_a_checksum_that_fits(new: Talk, data: bytes, crc: str) -> None:
    assert new.answer(f"fcr a {len(data)} -c {crc}", data) == DONE


@pytest.mark.parametrize("crc", ["89F6", "0x89F6", "89f6", "-0x760A", "-760a"])
def test_an_old_checksum_that_fits(old: Talk, crc: str) -> None:
    assert old.answer(f"fcr a 9 1.0.0 0xFE {crc}", DATA) == DONE


def test_a_checksum_that_does_not_fit(talk: Talk) -> None:
    new = talk.profile.files.crc == "crc32"
    line = "fcr a 9 -c 0x12345678" if new else "fcr a 9 1.0.0 0xFE 1234"
    assert talk.answer(line, DATA) == FAILED
    assert talk.kernel.files.list() == []
    assert talk.answer("fcr a 9", DATA) == DONE


# Files by stream.


def test_a_file_by_stream(talk: Talk) -> None:
    line = "fcr a 9 -o" if talk.profile.name == "gecko-os-4" else "fcr -o a 9"
    assert talk.answer(line) == (0, "0")
    assert talk.answer("list")[1].endswith("# 0 FILE  a-1.0.0.0  (9, 0)")
    assert talk.answer("write 0 4", b"1234") == DONE
    assert talk.kernel.files.list() == []
    assert talk.answer("list")[1].endswith("# 0 FILE  a-1.0.0.0  (9, 4)")
    assert talk.answer("write 0 5", b"56789") == DONE
    assert talk.answer("list")[1] == "! # Type  Info"
    assert talk.kernel.files.read("a", 0, 99) == DATA
    assert talk.answer("close 0") == FAILED


def test_a_file_by_stream_that_is_closed_too_early_leaves_nothing(talk: Talk) -> None:
    line = "fcr a 9 -o" if talk.profile.name == "gecko-os-4" else "fcr -o a 9"
    talk.ask(line)
    talk.ask("write 0 4", b"1234")
    assert talk.answer("close 0") == DONE
    assert talk.answer("fop a") == FAILED
    assert talk.answer("fcr a 9", DATA) == DONE


def test_a_file_by_stream_with_a_wrong_checksum(new: Talk) -> None:
    new.ask("fcr a 9 -o -c 1")
    assert new.answer("write 0 9", DATA) == FAILED
    assert new.answer("list")[1] == "! # Type  Info"
    assert new.kernel.files.list() == []


def test_more_bytes_than_the_file_is_to_have(new: Talk) -> None:
    new.ask("fcr a 3 -o")
    assert new.answer("write 0 4", b"1234") == FAILED
    assert new.answer("write 0 3", b"123") == DONE
    assert new.kernel.files.read("a", 0, 99) == b"123"


def test_two_files_of_one_name_are_not_begun(new: Talk) -> None:
    assert new.answer("fcr a 3 -o") == (0, "0")
    assert new.answer("fcr a 3", b"abc") == FAILED
    assert new.answer("fcr a 3 -o") == FAILED


def test_a_failed_file_by_stream_swallows_nothing(talk: Talk) -> None:
    line = "fcr sys/a 9 -o" if talk.profile.name == "gecko-os-4" else "fcr -o sys/a 9"
    talk.send(line.encode() + b"\r\nget bus.mode\r\n")
    talk.expect(b"R100016\r\nCommand failed\r\nR000009\r\ncommand\r\n")


def test_a_large_file_comes_in_pieces(new: Talk) -> None:
    data = bytes(range(256)) * 1000
    new.send(
        b"fcr big %d\r\n" % len(data), *(data[at : at + 9999] for at in range(0, 256000, 9999))
    )
    assert new.reply(new.heard()) == DONE
    assert new.kernel.files.read("big", 0, 999999) == data


def test_a_reboot_leaves_nothing_of_a_file_begun() -> None:
    storage = Storage(None)
    with Talk(storage=storage) as talk:
        talk.send(b"fcr a 9\r\n1234")
        talk.run(_reboot(talk))
        talk.expect(b"R100016\r\nCommand failed\r\n")
        assert talk.kernel.files.list() == []
        assert talk.answer("fcr a 9", DATA) == DONE
    storage.close()


async def _reboot(talk: Talk) -> None:
    talk.device.reboot()
    await talk.loop.settle()


# Limits.


def test_there_is_room_and_then_there_is_none(old: Talk) -> None:
    size = old.profile.files.extended_size
    assert old.answer(f"fcr -o a {size - 10}") == (0, "0")
    # Room is kept for what is begun.
    assert old.answer("fcr -o b 11") == FAILED
    assert old.answer("fcr -o b 10") == (0, "1")
    old.ask("close 0")
    assert old.answer(f"fcr -o c {size - 9}") == FAILED
    assert old.answer(f"fcr -o c {size - 10}") == (0, "0")


def test_there_are_only_so_many_files(old: Talk) -> None:
    most = old.profile.files.most_files
    for number in range(most):
        assert old.answer(f"fcr f{number} 1", b"x") == DONE
    assert old.answer("fcr one.more 1", b"x") == FAILED
    old.ask("fde f0")
    assert old.answer("fcr one.more 1", b"x") == DONE


def test_a_failed_file_gives_its_room_back(new: Talk) -> None:
    size = new.profile.files.extended_size
    for _ in range(3):
        new.send(f"fcr a {size}\r\n".encode())
        new.turn(11)
        assert new.reply(new.heard()) == FAILED
    assert new.answer(f"fcr a {size} -o") == (0, "0")


# Open files.


def test_an_open_file_is_not_deleted(talk: Talk) -> None:
    talk.ask("fcr a 9", DATA)
    talk.ask("fop a")
    talk.ask("fop a")
    assert talk.answer("fde a") == FAILED
    talk.ask("close 0")
    assert talk.answer("fde a") == FAILED
    assert talk.answer("read 1 100") == (0, DATA.decode())
    assert talk.answer("fde a") == DONE


def test_a_file_that_is_open_at_a_reboot_can_be_deleted(talk: Talk) -> None:
    talk.ask("fcr a 9", DATA)
    talk.ask("fop a")
    talk.ask("reboot")
    assert talk.answer("fde a") == DONE


def test_formatting(new: Talk) -> None:
    mac = new.device.mac
    new.ask("fcr a 1", b"x")
    new.ask("fcr b 1 -l bulk", b"x")
    assert new.answer("format extended 00:00:00:00:00:00")[0] in (1, 7)
    assert len(new.kernel.files.list()) == 2
    assert new.answer(f"format extended {mac.lower()}") == DONE
    assert [stored.name for stored in new.kernel.files.list()] == ["b"]
    new.ask("fop b")
    assert new.answer(f"format bulk {mac}") == FAILED
    assert new.answer(f"format moon {mac}")[0] == 7


# Versions.


@pytest.mark.parametrize(
    ("word", "version"),
    [
        ("1", "1.0.0.0"),
        ("1.2", "1.2.0.0"),
        ("1.0.0", "1.0.0.0"),
        ("01.2.3.255", "1.2.3.255"),
        ("0.0.0.0", "0.0.0.0"),
    ],
)
def test_a_version_has_four_numbers(word: str, version: str) -> None:
    assert parse_version(word) == version


@pytest.mark.parametrize(
    "word", ["", ".", "1.", ".1", "1..2", "1.2.3.4.5", "256", "-1", "1.a", "²"]
)
def test_what_is_no_version(word: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse_version(word)
    assert caught.value.result is Result.BAD_ARGS


# Listings, as clients take them apart.


def rows(talk: Talk, line: str) -> list[list[str]]:
    """Squeeze blanks, split, drop headers: what every client does."""
    text = talk.answer(line)[1].split("\r\n")
    assert text[0].startswith("!")
    assert all(row.startswith("#") for row in text[1:])
    return [row.split() for row in text[1:]]


def test_an_empty_listing(talk: Talk) -> None:
    assert rows(talk, "ls") == []
    assert rows(talk, "ls -v") == []


def test_the_new_long_listing(new: Talk) -> None:
    new.ask("fcr webapp/index.html 5000 -t 0x45 -v 1.2.3 -u", b"x" * 5000)
    new.ask('fcr "name with blanks" 1', b"x")
    first, second = rows(new, "ls -v")
    if first[11] != "webapp/index.html":
        first, second = second, first
    assert first[4] == "45"
    assert int(first[5], 16) == 0x0081
    assert first[8] == "5000"
    assert first[10] == "1.2.3.0"
    assert first[11:] == ["webapp/index.html"]
    assert second[11:] == ["name", "with", "blanks"]
    assert {first[1], second[1]} == {"0", "1"}


def test_the_old_long_listing(old: Talk) -> None:
    old.ask("fcr -e webapp/index.html 5000 1.2.3 0x81", b"x" * 5000)
    [row] = rows(old, "ls -v")
    assert row[0] == "#"
    assert row[1] == "0"
    assert row[2] == "e-81"
    assert row[3] == "0041"
    assert row[4].isdigit()
    assert row[5:] == ["5000", "1.2.3.0", "webapp/index.html"]


def test_the_old_long_listing_looks_like_the_sample(old: Talk) -> None:
    old.ask("fcr favicon.ico.gz 1853 2.0.0.11", b"x" * 1853)
    header, row = old.answer("ls -v")[1].split("\r\n")
    assert header == "!  # Type  Flags  Hnd    Size    Version  Filename"
    assert row == "#  0 e-FE   0001    0    1853   2.0.0.11  favicon.ico.gz"


def test_the_short_listing(talk: Talk) -> None:
    talk.ask("fcr b 22", b"x" * 22)
    talk.ask('fcr "a b" 1', b"x")
    assert sorted(row[2:] for row in rows(talk, "ls")) == [["1", "a", "b"], ["22", "b"]]


def test_the_index_of_a_long_listing_stands_apart(new: Talk) -> None:
    for number in range(120):
        new.ask(f"fcr file{number} 1", b"x")
    listed = rows(new, "ls -v")
    assert [int(row[1]) for row in listed] == list(range(120))
    assert len({row[11] for row in listed}) == 120


def test_the_details_of_a_file(talk: Talk) -> None:
    talk.ask("fcr a 9", DATA)
    details = dict(row.split(": ") for row in talk.answer("fst a")[1].split("\r\n"))
    assert details["size"] == "9"
    assert details["version"] == "1.0.0.0"
    assert talk.answer("fst b") == FAILED
