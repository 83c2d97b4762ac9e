"""Usage strings as grammars."""

import pytest

from tokay.kernel.argument_grammar import Usage
from tokay.kernel.results import CommandError, Result
from tokay.kernel.tokenizer import split

FILE_4 = "name size [-o] [-v version] [-e] [-u]"
FILE_3 = "[-e] [-u] [-o] name size [version] [type] [crc]"


@pytest.mark.parametrize(
    ("usage", "line", "values", "rest"),
    [
        ("", "", {}, []),
        ("name", "a", {"name": "a"}, []),
        ("name", "-a", {"name": "-a"}, []),
        ("name size", "a 1", {"name": "a", "size": "1"}, []),
        ("name [size]", "a", {"name": "a"}, []),
        ("name [size]", "a 1", {"name": "a", "size": "1"}, []),
        ("[name]", "", {}, []),
        (FILE_4, "a 1", {"name": "a", "size": "1"}, []),
        (FILE_4, "a 1 -o", {"name": "a", "size": "1", "-o": ""}, []),
        (FILE_4, "-o a 1", {"name": "a", "size": "1", "-o": ""}, []),
        (FILE_4, "a -o 1", {"name": "a", "size": "1", "-o": ""}, []),
        (FILE_4, "a 1 -v 2.0", {"name": "a", "size": "1", "version": "2.0"}, []),
        (FILE_4, "-v 2.0 a 1 -eu",
         {"name": "a", "size": "1", "version": "2.0", "-e": "", "-u": ""}, []),
        (FILE_4, "a 1 -ov 2.0", {"name": "a", "size": "1", "version": "2.0", "-o": ""}, []),
        (FILE_4, '"-o" 1', {"name": "-o", "size": "1"}, []),
        (FILE_4, "a -1", {"name": "a", "size": "-1"}, []),
        (FILE_4, "- 1", {"name": "-", "size": "1"}, []),
        (FILE_3, "-eu a 1", {"name": "a", "size": "1", "-e": "", "-u": ""}, []),
        (FILE_3, "a 1 1.0.0 0xFE 1A2B",
         {"name": "a", "size": "1", "version": "1.0.0", "type": "0xFE", "crc": "1A2B"}, []),
        ("word...", "a", {"word": "a"}, ["a"]),
        ("word...", "a b c", {"word": "a"}, ["a", "b", "c"]),
        ("[word...]", "", {}, []),
        ("[word...]", "a b", {"word": "a"}, ["a", "b"]),
        ("first word...", "a b c", {"first": "a", "word": "b"}, ["b", "c"]),
        ("[-p] word...", "a -p b", {"word": "a", "-p": ""}, ["a", "b"]),
    ],
)  # fmt: skip
def test_a_line_that_fits(usage: str, line: str, values: dict[str, str], rest: list[str]) -> None:
    bound = Usage(usage).bind(split(line))
    assert bound.values == values
    assert bound.rest == rest


@pytest.mark.parametrize(
    ("usage", "line", "result"),
    [
        ("", "a", Result.TOO_MANY_ARGS),
        ("name", "", Result.TOO_FEW_ARGS),
        ("name", "a b", Result.TOO_MANY_ARGS),
        ("name size", "a", Result.TOO_FEW_ARGS),
        ("name [size]", "a b c", Result.TOO_MANY_ARGS),
        (FILE_4, "a", Result.TOO_FEW_ARGS),
        (FILE_4, "a 1 2", Result.TOO_MANY_ARGS),
        (FILE_4, "a 1 -x", Result.UNKNOWN_OPTION),
        (FILE_4, "a 1 -ox", Result.UNKNOWN_OPTION),
        (FILE_4, "a 1 -O", Result.UNKNOWN_OPTION),
        (FILE_4, "a 1 -v", Result.TOO_FEW_ARGS),
        (FILE_3, "a 1 -v 2.0", Result.UNKNOWN_OPTION),
        ("word...", "", Result.TOO_FEW_ARGS),
    ],
)
def test_a_line_that_does_not_fit(usage: str, line: str, result: Result) -> None:
    with pytest.raises(CommandError) as caught:
        Usage(usage).bind(split(line))
    assert caught.value.result is result


def test_the_text_stays_as_it_was_written() -> None:
    assert Usage(FILE_4).text == FILE_4
