"""Plugins: their order, and what happens when one of them fails."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.dialogue import Talk

from tokay.board.board import Board
from tokay.board.storage import Storage
from tokay.device import built_in
from tokay.kernel import faults
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin, PluginError, PluginType, discover, in_order
from tokay.kernel.value_types import Integer
from tokay.kernel.variables import Variable


def made(name: str, *after: str) -> PluginType:
    return type(name, (Plugin,), {"name": name, "after": after})


def order(*plugins: PluginType) -> list[str]:
    return [plugin.name for plugin in in_order(plugins)]


def test_plugins_without_wishes_are_in_order_of_name() -> None:
    assert order(made("b"), made("c"), made("a")) == ["a", "b", "c"]


def test_a_plugin_comes_behind_those_it_names() -> None:
    assert order(made("a", "c"), made("b"), made("c", "b")) == ["b", "c", "a"]


def test_the_order_does_not_depend_on_where_plugins_came_from() -> None:
    plugins = [made("a", "d"), made("b"), made("c", "b"), made("d")]
    assert order(*plugins) == order(*reversed(plugins))


def test_a_wish_for_what_is_not_there_is_no_wish() -> None:
    assert order(made("a", "missing"), made("b")) == ["a", "b"]


def test_plugins_that_wait_for_each_other() -> None:
    with pytest.raises(PluginError, match="wait for each other") as caught:
        order(made("a", "b"), made("b", "c"), made("c", "a"), made("d"))
    assert {"a", "b", "c"} <= set(str(caught.value).replace(",", "").split())
    with pytest.raises(PluginError):
        order(made("a", "a"))


def test_two_plugins_of_one_name() -> None:
    with pytest.raises(PluginError, match="two plugins are called a"):
        order(made("a"), made("a"))


def test_one_plugin_named_twice_is_one() -> None:
    plugin = made("a")
    assert order(plugin, plugin) == ["a"]


def test_a_name_of_ours_cannot_be_taken() -> None:
    with pytest.raises(PluginError, match="files"):
        in_order([*built_in(), made("files")])


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a package that says it has a plugin; return the folder that it is in."""
    package = tmp_path / "toys-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: toys\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[tokay.plugins]\ntoy = toys_of_a_test:Toy\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_an_installed_plugin_is_found(installed: Path) -> None:
    (installed / "toys_of_a_test.py").write_text(
        "from tokay.kernel.plugin import Plugin\n\n\nclass Toy(Plugin):\n    name = 'toy'\n"
    )
    assert "toy" in [plugin.name for plugin in discover("tokay.plugins")]


class _Point:
    name, value = "toy", "toys:Toy"

    def __init__(self, result: PluginType | Exception) -> None:
        self._result = result

    def load(self) -> PluginType:
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


@pytest.mark.parametrize("error", [ImportError("no toys"), SyntaxError("typo"), KeyError("x")])
def test_a_plugin_of_others_that_cannot_be_loaded(
    installed: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [_Point(error)])
    with pytest.raises(PluginError, match="toy of toys:Toy"):
        discover("tokay.plugins")


def test_a_plugin_of_others(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = made("toy", "files")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [_Point(toy)])
    names = [plugin.name for plugin in discover("tokay.plugins")]
    assert names.index("toy") > names.index("files")


# Starting and stopping.

EVENTS: list[str] = []
NUMBER = Variable("watch.number", "wa n", Integer(0, 9), 1, doc="A number.")


class First(Plugin):
    name = "watch_first"
    variables = (NUMBER,)

    __slots__ = ("_kernel",)

    def start(self, kernel: Kernel, board: Board) -> None:
        self._kernel = kernel
        EVENTS.append(f"start first with {kernel.variables[NUMBER]}")

    async def stop(self) -> None:
        EVENTS.append("stop first")


class Second(Plugin):
    name = "watch"
    after = ("watch_first",)

    def start(self, kernel: Kernel, board: Board) -> None:
        assert isinstance(kernel.plugin(First), First)
        assert board.ports
        EVENTS.append("start second")

    async def stop(self) -> None:
        EVENTS.append("stop second")


class Broken(Plugin):
    name = "broken"
    after = ("watch_first",)

    def start(self, kernel: Kernel, board: Board) -> None:
        raise LookupError("a bug")

    async def stop(self) -> None:
        EVENTS.append("stop broken")


class Clinging(Plugin):
    name = "clinging"

    async def stop(self) -> None:
        if "clung" not in EVENTS:
            EVENTS.append("clung")
            raise LookupError("a bug")


@pytest.fixture(autouse=True)
def _fresh() -> None:
    EVENTS.clear()


@pytest.fixture
def storage() -> Iterator[Storage]:
    with Storage(None) as storage:
        yield storage


def started(*plugins: PluginType, storage: Storage | None = None) -> Talk:
    return Talk(plugins=plugins, storage=storage)


def test_plugins_start_in_order_and_stop_in_reverse() -> None:
    with started(Second, First) as talk:
        assert EVENTS == ["start first with 1", "start second"]
        talk.ask("set watch.number 5")
        talk.ask("save")
        EVENTS.clear()
        talk.ask("reboot")
        assert EVENTS == ["stop second", "stop first", "start first with 5", "start second"]
        EVENTS.clear()
    assert EVENTS == ["stop second", "stop first"]


def recorded(talk: Talk) -> Sequence[str]:
    return [row for row in talk.answer("faults_print")[1].split("\r\n") if "None" not in row]


def test_a_plugin_that_cannot_start_is_a_fault() -> None:
    with started(Broken, First, Second) as talk:
        [error] = talk.errors
        assert "broken cannot start" in error
        talk.errors.clear()
        assert EVENTS == ["start first with 1", "start second"]
        assert talk.answer("get bus.mode") == (0, "command")
        assert recorded(talk) == ["0: broken Exception, uhandle:00 bhandle:00"]
    assert "stop broken" not in EVENTS


def test_a_plugin_that_cannot_stop_holds_nothing_up() -> None:
    with started(Clinging, First) as talk:
        talk.ask("reboot")
        assert talk.answer("get bus.mode") == (0, "command")
        assert len(talk.errors) == 1
        assert "clinging cannot stop" in talk.errors[0]
        talk.errors.clear()
    assert EVENTS[-1] == "stop first"


def test_eight_faults_bring_safe_mode(storage: Storage) -> None:
    with started(Broken, storage=storage) as talk:
        for boot in range(1, faults.MAX_FAULTS):
            assert len(recorded(talk)) == boot
            talk.ask("reboot")
        assert talk.answer("get system.safemode.status") == (0, "0")
        assert len(recorded(talk)) == faults.MAX_FAULTS
        talk.send(b"reboot\r\n")
        assert talk.heard().startswith(b"R000011\r\nRebooting\r\n")
        talk.send(b"get system.safemode.status\r\n")
        talk.expect(b"S000003\r\n1\r\n")
        # Every boot but the last found the bug; safe mode leaves the plugin out.
        assert len(talk.errors) == faults.MAX_FAULTS
        talk.errors.clear()
        talk.send(b"faults_reset\r\n", b"reboot\r\n", b"get system.safemode.status\r\n")
        talk.expect(b"S000009\r\nSuccess\r\nS000011\r\nRebooting\r\nR000003\r\n0\r\n")
        talk.errors.clear()


def test_safe_mode_outlives_the_power(storage: Storage) -> None:
    faults.force(storage.device("talk"))
    with started(First, storage=storage) as talk:
        assert talk.kernel.safe_mode
        assert EVENTS == []
        assert talk.ask("get watch.number").startswith(b"S6")
    with started(First, storage=storage) as talk:
        assert talk.kernel.safe_mode


def test_eight_rows_of_faults() -> None:
    with started() as talk:
        rows = talk.answer("faults_print")[1].split("\r\n")
        assert [row.split(":")[0] for row in rows] == [str(number) for number in range(8)]
