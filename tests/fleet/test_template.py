import pytest

from tokay.fleet.errors import ScenarioError
from tokay.fleet.template import fill, names

VALUES: dict[str, str | int] = {"index": 7, "csv.a-b": "x", "mac": "4C"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("plain", "plain"),
        ("{index} {csv.a-b}", "7 x"),
        ("{index:04d}-{index:x}", "0007-7"),
        ('{{"a": {index}}}', '{"a": 7}'),
    ],
)
def test_names_are_filled_in(text: str, filled: str) -> None:
    assert fill(text, VALUES) == filled


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{index", "{ without its other half"),
        ("a}", "} without its other half"),
        ("{nobody}", "nothing is called {nobody}"),
        ("{mac:04d}", "needs a number"),
        ("{index.__class__!r}", "without its other half"),
    ],
)
def test_mistakes_are_told(text: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message.replace("{", r"\{").replace("}", r"\}")):
        fill(text, VALUES)


def test_the_names_that_are_needed() -> None:
    assert names("{index} {{no}} {csv.a-b:3d}") == {"index", "csv.a-b"}
