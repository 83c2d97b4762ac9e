"""Every source that a comment or a page names is there: the file, and the section by its number."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROTOCOL = ROOT / "docs" / "protocol"
FOLDERS = ("src", "tests", "docs", "bench", "examples", "fuzz")
SUFFIXES = {".md", ".py", ".toml", ".js", ".ts", ".css", ".html"}

NUMBER = r"\d+(?:\.\d+)*"
NUMBERS = rf"{NUMBER}(?:(?:,\s+and|,|\s+and|\s+to)\s+{NUMBER})*"
# A line of a comment may begin between any two words.
GAP = r"[\s#]+"
CITATION = re.compile(rf"docs/protocol/([\w-]+)\.md(?:,{GAP}sections?{GAP}({NUMBERS}))?")
ON_A_PAGE = re.compile(rf"(?:([\w-]+\.md)\)?,{GAP})?sections?{GAP}({NUMBERS})(?!\S*RFC)")
HEADING_BY_NAME = re.compile(rf'((?:docs/)?[\w-]+\.md),{GAP}"([^"]+)"')
HEADING = re.compile(rf"^#+ ({NUMBER})\.? (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)\s]*)?\)")
# The names of notes that lie in no repository.
OLD = re.compile(
    r"(?i)(?<![/\w])(?:commands-(?:network|system)|variables-notes|variables\.yaml|found-later)\b"
    r"|(?<![/\w])(?:command-protocol|web-and-discovery)(?!\.md|\w)"
    r"|variables\s+reference|(?-i:\bDESIGN\b)"
)


def _files() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in SUFFIXES and path.is_file() and path != Path(__file__):
                yield path
    yield from ROOT.glob("*.md")


def _pages() -> list[Path]:
    return [path for path in _files() if path.suffix == ".md"]


@cache
def _text(path: Path) -> str:
    return path.read_text("utf-8")


@cache
def _sections(page: Path) -> frozenset[str]:
    return frozenset(number for number, _ in HEADING.findall(_text(page)))


def _where(path: Path, match: re.Match[str]) -> str:
    line = _text(path).count("\n", 0, match.start()) + 1
    return f"{path.relative_to(ROOT)}:{line}: {' '.join(match.group(0).split())}"


def _missing(page: Path, numbers: str) -> list[str]:
    if not page.is_file():
        return [page.name]
    return [one for one in re.findall(NUMBER, numbers) if one not in _sections(page)]


def test_every_citation_leads_to_a_section() -> None:
    wrong = []
    found = 0
    for path in _files():
        for match in CITATION.finditer(_text(path)):
            page, numbers = match.groups()
            found += 1
            if numbers is None and path.suffix == ".py":
                wrong.append(f"{_where(path, match)}: no section")
            if missing := _missing(PROTOCOL / f"{page}.md", numbers or ""):
                wrong.append(f"{_where(path, match)}: there is no {', '.join(missing)}")
    assert not wrong, "\n".join(wrong)
    assert found > 100, "the citations are not found any more"


def test_the_protocol_pages_lead_to_sections_of_each_other() -> None:
    wrong = []
    for path in PROTOCOL.glob("*.md"):
        for match in ON_A_PAGE.finditer(_text(path)):
            name, numbers = match.groups()
            before = _text(path)[max(0, match.start() - 12) : match.start()]
            if "RFC" in before:
                continue
            if missing := _missing(PROTOCOL / name if name else path, numbers):
                wrong.append(f"{_where(path, match)}: there is no {', '.join(missing)}")
    assert not wrong, "\n".join(wrong)


def test_every_heading_that_is_named_is_there() -> None:
    wrong = []
    for path in _files():
        for match in HEADING_BY_NAME.finditer(_text(path)):
            page, name = match.groups()
            heading = " ".join(name.replace("#", " ").split())
            if not re.search(rf"^#+ {re.escape(heading)}$", _text(ROOT / page), re.MULTILINE):
                wrong.append(_where(path, match))
    assert not wrong, "\n".join(wrong)


def test_no_source_outside_the_repository_is_named() -> None:
    wrong = [_where(path, match) for path in _files() for match in OLD.finditer(_text(path))]
    assert not wrong, "\n".join(wrong)


def test_every_link_between_pages_leads_somewhere() -> None:
    wrong = [
        _where(path, match)
        for path in _pages()
        for match in LINK.finditer(_text(path))
        if not (path.parent / match.group(1)).exists()
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("page", sorted(PROTOCOL.glob("[!R]*.md")), ids=lambda page: page.stem)
def test_sections_are_numbered_in_order(page: Path) -> None:
    numbers = [
        [int(part) for part in number.split(".")] for number, _ in HEADING.findall(_text(page))
    ]
    assert numbers == sorted(numbers)
    assert len(numbers) == len(_sections(page)), "a number stands twice"
    for before, after in pairwise(numbers):
        deeper = [*before, 1]
        next_ones = [[*before[:depth], before[depth] + 1] for depth in range(len(before))]
        assert after in (deeper, *next_ones), f"{after} behind {before}"
