"""Events: told and heard by class, and all of them in the docs."""

import ast
from pathlib import Path

import pytest

from tokay.kernel import events
from tokay.kernel.events import Events, NetworkDown, Ready, SetupChanged

DOCS = Path(__file__).parent.parent.parent / "docs" / "events.md"


def test_a_handler_gets_the_events_of_its_class_in_order_of_asking() -> None:
    bus = Events()
    seen: list[object] = []
    bus.on(NetworkDown, seen.append)
    bus.on(NetworkDown, lambda event: seen.append(event.interface))
    bus.emit(NetworkDown("wlan"))
    bus.emit(Ready())
    assert seen == [NetworkDown("wlan"), "wlan"]


def test_nobody_needs_to_listen() -> None:
    Events().emit(Ready())


def test_a_handler_may_ask_for_more() -> None:
    bus = Events()
    seen: list[bool] = []

    def first(event: SetupChanged) -> None:
        bus.on(SetupChanged, lambda event: seen.append(event.running))

    bus.on(SetupChanged, first)
    bus.emit(SetupChanged(running=True))
    assert seen == []
    bus.emit(SetupChanged(running=False))
    assert seen == [False]


def test_what_a_handler_raises_reaches_the_emitter() -> None:
    bus = Events()

    def refuse(_event: Ready) -> None:
        raise ValueError("no")

    bus.on(Ready, refuse)
    with pytest.raises(ValueError, match="no"):
        bus.emit(Ready())


def test_the_docs_have_every_event_and_its_fields() -> None:
    rows = {
        cells[1].strip(" `"): cells[3]
        for line in DOCS.read_text("utf-8").splitlines()
        if len(cells := line.split("|")) > 4 and cells[1].startswith(" `")
    }
    tree = ast.parse(Path(events.__file__).read_text("utf-8"))
    declared = [
        node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id == "NamedTuple" for base in node.bases)
    ]
    assert list(rows) == declared
    for name in declared:
        fields = getattr(events, name)._fields
        assert rows[name].strip() == (", ".join(f"`{field}`" for field in fields) or "none")
