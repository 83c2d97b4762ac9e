"""Words of a line, and escapes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.kernel.results import CommandError, Result
from tokay.kernel.tokenizer import Quoted, printable, quote, split, unescape


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("get wlan.mac", ["get", "wlan.mac"]),
        ("  get \t wlan.mac  ", ["get", "wlan.mac"]),
        ('set wlan.ssid "my network"', ["set", "wlan.ssid", "my network"]),
        ('set wlan.ssid ""', ["set", "wlan.ssid", ""]),
        ('set x "a\\"b" c', ["set", "x", 'a\\"b', "c"]),
        ('set x a\\"b', ["set", "x", 'a\\"b']),
        ('set x a"b c"d', ["set", "x", "ab cd"]),
        ("set x a\xa0b\x85c", ["set", "x", "a\xa0b\x85c"]),
        ("", []),
    ],
)
def test_split(line: str, words: list[str]) -> None:
    assert [str(word) for word in split(line)] == words


@pytest.mark.parametrize("line", ['"', 'set "a', 'set a "b" "', 'a"b', 'set x "a\\"'])
def test_an_open_quote_is_a_parse_error(line: str) -> None:
    with pytest.raises(CommandError) as caught:
        split(line)
    assert caught.value.result is Result.PARSE_ERROR


def test_a_quoted_word_is_marked() -> None:
    plain, quoted = split('-v "-v"')
    assert not isinstance(plain, Quoted)
    assert isinstance(quoted, Quoted)


def test_unescape() -> None:
    assert unescape(r"\0\s\\\t\n\r\"\x41\xfF") == '\0 \\\t\n\r"A\xff'


@pytest.mark.parametrize("text", ["\\", "\\q", "\\x4", "\\xgg"])
def test_unknown_escapes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="escape"):
        unescape(text)


def test_printable() -> None:
    assert printable("a\n\xe9~") == "a\\x0A\\xE9~"


@given(st.text(st.characters(max_codepoint=255)))
def test_quote_is_undone(text: str) -> None:
    [word] = split(quote(text))
    assert unescape(word) == text
