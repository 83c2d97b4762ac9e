"""Variables: kinds, names and shortcuts, groups, indices, getters, and their written form."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialogue import PROFILES, Talk

from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import CommandError, Result
from tokay.kernel.tokenizer import split
from tokay.kernel.value_types import (
    MASK,
    Boolean,
    Choice,
    Hex,
    Integer,
    Ipv4,
    Mac,
    Passkey,
    Pin,
    PortNumber,
    RestrictedText,
    Text,
    Url,
    ValueType,
    Words,
)
from tokay.kernel.variables import Index, Variable, Variables, computed

# Kinds: what is accepted, and how it is printed.

ACCEPTED: list[tuple[ValueType[Any], str, str]] = [
    (Boolean(), "1", "1"),
    (Boolean(), "on", "1"),
    (Boolean(), "true", "1"),
    (Boolean(), "TRUE", "1"),
    (Boolean(), "0", "0"),
    (Boolean(), "off", "0"),
    (Boolean(), "false", "0"),
    (Integer(0, 255), "0", "0"),
    (Integer(0, 255), "255", "255"),
    (Integer(0, 255), "007", "7"),
    (Integer(0, 255), "0x1F", "31"),
    (Integer(0, 255), "0Xff", "255"),
    (Integer(-5, 5), "-5", "-5"),
    (PortNumber(), "1", "1"),
    (PortNumber(), "65535", "65535"),
    (PortNumber(any_port=True), "0", "0"),
    (Hex(0, 0xFFFF), "0xBEEF", "0xBEEF"),
    (Hex(0, 0xFFFF), "16", "0x10"),
    (Choice("red", "green"), "red", "red"),
    (Choice("red", "green", also={"crimson": "red"}), "crimson", "red"),
    (Text(), '""', ""),
    (Text(1, 3), '""', ""),
    (Text(), "abc", "abc"),
    (Text(), '"two words"', "two words"),
    (Text(), r"a\sb\0", r"a b\x00"),
    (Text(), r"\x41\xE9", r"A\xE9"),
    (Text(0, 2), r"\x41\x42", "AB"),
    (Passkey(), '""', ""),
    (Passkey(), "12345678", "12345678"),
    (Passkey(), "x" * 63, "x" * 63),
    (Passkey(), "0aF" + "0" * 61, "0aF" + "0" * 61),
    (Passkey(32), "x" * 32, "x" * 32),
    (RestrictedText("a-z0-9-"), "my-host", "my-host"),
    (Url("http"), "http://example.com/x", "http://example.com/x"),
    (Url("http"), "example.com", "example.com"),
    (Url("http"), "example.com:8080/x", "example.com:8080/x"),
    (Url("ws", "wss"), "wss://[::1]:1/", "wss://[::1]:1/"),
    (Ipv4(), "10.0.0.1", "10.0.0.1"),
    (Ipv4(), "0.0.0.0", "0.0.0.0"),
    (Mac(), "4c:55:cc:10:78:9b", "4C:55:CC:10:78:9B"),
    (Mac(), "4c55cc10789b", "4C:55:CC:10:78:9B"),
    (Mac(), "none", ""),
    (Mac(), "00:00:00:00:00:00", ""),
    (Mac(), '""', ""),
    (Pin(), "-1", "-1"),
    (Pin(), "none", "-1"),
    (Pin(), "0", "0"),
    (Pin(), "22", "22"),
    (Words("a|b"), "a,b", "a,b"),
    (Words("a|b"), '"a, b"', "a,b"),
    (Words("a|b"), '""', ""),
]
REFUSED: list[tuple[ValueType[Any], str]] = [
    *((Boolean(), word) for word in ("2", "yes", '""', "-1", "onn")),
    *((Integer(0, 255), w) for w in ("256", "-1", '""', "x", "1.5", "0x", "1_0", "--1", "1e1")),
    (Integer(0, 255), "+1"),
    (Integer(0, 255), '" 1"'),
    (Integer(0, 255), '"1 "'),
    (Integer(0, 255), "-"),
    (PortNumber(), "0"),
    (PortNumber(), "65536"),
    (Choice("red"), "RED"),
    (Choice("red"), '""'),
    (Text(1, 3), "abcd"),
    (Text(0, 2), "abc"),
    (Text(1, 3, empty=False), '""'),
    (Text(), r"\q"),
    (Text(), r"\x4"),
    (Text(), "abc\\"),
    (Passkey(), "1234567"),
    (Passkey(), "x" * 64),
    (Passkey(), "0" * 65),
    (Passkey(32), "x" * 33),
    (RestrictedText("a-z"), "Host"),
    (RestrictedText("a-z"), '"a b"'),
    (Url("http"), "ftp://example.com"),
    (Url("http"), "http://"),
    (Url("http"), "http://x:99999"),
    (Url("http"), "http://x:y"),
    (Url("http"), "http://[::1"),
    (Url("http", bare=False), "example.com"),
    *((Ipv4(), word) for word in ("1.2.3", "1.2.3.256", "1.2.3.4.5", "a.b.c.d", "::1", '""')),
    *((Mac(), word) for word in ("4c:55", "4c-55-cc-10-78-9b", "4c:55cc10789b", "g" * 12)),
    (Pin(), "x"),
    (Pin(), "-2"),
    (Pin(), "256"),
    (Words("a|b"), "a,c"),
    (Words("a|b"), "a,,b"),
    (Words("a|b", high=2), "a,a,a"),
]


@pytest.mark.parametrize(("kind", "words", "shown"), ACCEPTED)
def test_what_a_kind_accepts(kind: ValueType[Any], words: str, shown: str) -> None:
    value = kind.parse(split(words))
    assert kind.show(value) == shown
    assert kind.parse(split(kind.write(value))) == value


@pytest.mark.parametrize(("kind", "words"), REFUSED)
def test_what_a_kind_refuses(kind: ValueType[Any], words: str) -> None:
    with pytest.raises(CommandError) as caught:
        kind.parse(split(words))
    assert caught.value.result is Result.BAD_ARGS


@given(st.text(st.characters(max_codepoint=255), max_size=40))
def test_a_text_survives_being_written(text: str) -> None:
    kind = Text(0, 40)
    assert kind.parse(split(kind.write(text))) == text


# A device with made-up variables.


class Slots(Index):
    """Numbers from 0 to 99, of which a listing shows the set ones."""

    hint = "slot"

    def key(self, word: str, kernel: Kernel) -> str:
        return str(Integer(0, 99).parse([word]))

    def keys(self, kernel: Kernel) -> Iterable[str]:
        return ()


class Sides(Index):
    """Left and right."""

    def key(self, word: str, kernel: Kernel) -> str:
        return Choice("left", "right").parse([word])

    def keys(self, kernel: Kernel) -> Iterable[str]:
        return ("left", "right")


def _set_twice(kernel: Kernel, words: Sequence[str]) -> None:
    kernel.variables[COUNT] = 2 * int(words[0])


COUNT = Variable("toy.count", "to c", Integer(0, 255), 7, doc="A number.")
SCAN = Variable("toy.scan", "to s", Text(0, 20), "", doc="Shares its beginning with the next.")
RETRIES = Variable("toy.scan.retries", "to s r", Integer(0, 9), 3, doc="Three words.")
ON = Variable("toy.on", "to o", Boolean(), True, doc="A switch.", backup=True)
LABEL = Variable("toy.label", "to l", Text(0, 16), "", doc="A label.", index=Slots())
SIDE = Variable(
    "toy.side", "to d", Integer(0, 9), 0, doc="A side.", index=Sides(), defaults={"right": 5}
)
SECRET = Variable("toy.secret", "to w", Text(0, 32, secret=True), "", doc="A secret.")
KEYHOLE = Variable(
    "toy.keyhole", "to k", Text(0, 32), "", doc="Hidden while the toy is on.",
    hidden=lambda kernel: kernel.variables[ON],
)  # fmt: skip
DUMB = Variable("toy.dumb", "to b", Text(), "", doc="Cannot be read.", readable=False)
AGE = computed("toy.age", "to a", lambda _, words: ":".join(["3", *words]), doc="An age.",
               getter_words=("days", "years"))  # fmt: skip
REPORT = computed("toy.report", "to e", lambda *_: "one\r\ntwo", doc="Two lines.")
TWICE = computed("toy.twice", "to t", doc="Sets the count to twice that.", setter=_set_twice)
PAIR = computed("toy.pair", "to p", doc="Takes two.", setter=lambda *_: None, setter_words=(2, 2))
LONE = Variable("lone", "", Integer(0, 9), 1, doc="Neither dot nor shortcut.")
TOYS: tuple[Variable[Any], ...] = (
    COUNT, SCAN, RETRIES, ON, LABEL, SIDE, SECRET, KEYHOLE, DUMB, AGE, REPORT, TWICE, PAIR, LONE,
)  # fmt: skip


class Toys(Plugin):
    name = "toys"
    variables = TOYS


@pytest.fixture
def toys() -> Iterator[Variables]:
    with Talk(bare=True, plugins=[Toys]) as talk:
        yield talk.kernel.variables


def code_of(action: Callable[[], object]) -> Result:
    with pytest.raises(CommandError) as caught:
        action()
    return caught.value.result


def put(toys: Variables, line: str) -> None:
    toys.set(split(line))


def look(toys: Variables, line: str) -> str:
    return toys.get(split(line))


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("toy.count", "7"),
        ("to c", "7"),
        ("toy.scan.retries", "3"),
        ("to s r", "3"),
        ("to s", ""),
        ("lone", "1"),
        ("toy.age", "3"),
        ("toy.age days", "3:days"),
        ("to a years", "3:years"),
        ("toy.report", "one\r\ntwo"),
        ("toy.side left", "0"),
        ("to d right", "5"),
        ("toy.side all", "left: 0\r\nright: 5"),
        ("toy.label 3", ""),
        ("toy.label all", ""),
    ],
)
def test_get(toys: Variables, line: str, shown: str) -> None:
    assert look(toys, line) == shown


@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("nothing", Result.UNKNOWN_OPTION),
        ("toy.nothing", Result.UNKNOWN_OPTION),
        ("to z", Result.UNKNOWN_OPTION),
        ("toy.", Result.UNKNOWN_OPTION),
        ("toy.count 1", Result.TOO_MANY_ARGS),
        ("to c 1", Result.TOO_MANY_ARGS),
        ("toy.age weeks", Result.BAD_ARGS),
        ("toy.age days years", Result.TOO_MANY_ARGS),
        ("toy.report x", Result.TOO_MANY_ARGS),
        ("toy.side", Result.TOO_FEW_ARGS),
        ("toy.side up", Result.BAD_ARGS),
        ("toy.side left right", Result.TOO_MANY_ARGS),
        ("toy.label 100", Result.BAD_ARGS),
        ("toy.dumb", Result.FAILED),
        ("toy.twice", Result.FAILED),
    ],
)
def test_get_is_refused(toys: Variables, line: str, result: Result) -> None:
    assert code_of(lambda: look(toys, line)) is result


@pytest.mark.parametrize(
    ("line", "asked", "shown"),
    [
        ("toy.count 9", "toy.count", "9"),
        ("to c 0x0a", "to c", "10"),
        ("to s home", "to s", "home"),
        # `to s r` is a shortcut of its own, yet with nothing behind it `r` can only be a value.
        ("to s r", "to s", "r"),
        ("to s r 5", "to s r", "5"),
        ('to s ""', "to s", ""),
        ("toy.label 3 three", "toy.label 3", "three"),
        ('to l 03 "a b"', "toy.label 3", "a b"),
        ("toy.side right 1", "toy.side all", "left: 0\r\nright: 1"),
        ("toy.twice 4", "toy.count", "8"),
        ("to t 4", "toy.count", "8"),
    ],
)
def test_set(toys: Variables, line: str, asked: str, shown: str) -> None:
    put(toys, line)
    assert look(toys, asked) == shown


@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("nothing 1", Result.UNKNOWN_OPTION),
        ("toy 1", Result.UNKNOWN_OPTION),
        ("toy.count", Result.TOO_FEW_ARGS),
        ("to s", Result.TOO_FEW_ARGS),
        ("toy.count 1 2", Result.TOO_MANY_ARGS),
        ("toy.count 256", Result.BAD_ARGS),
        ("to s r 10", Result.BAD_ARGS),
        ("toy.age 4", Result.UNKNOWN_OPTION),
        ("toy.side left", Result.TOO_FEW_ARGS),
        ("toy.side 1", Result.TOO_FEW_ARGS),
        ("toy.side up 1", Result.BAD_ARGS),
        ("toy.side left 1 2", Result.TOO_MANY_ARGS),
        ("toy.pair 1", Result.TOO_FEW_ARGS),
        ("toy.pair 1 2 3", Result.TOO_MANY_ARGS),
    ],
)
def test_set_is_refused_and_changes_nothing(toys: Variables, line: str, result: Result) -> None:
    assert code_of(lambda: put(toys, line)) is result
    assert toys.saved() == {}


# Groups.


def test_a_group_is_sorted_and_complete(toys: Variables) -> None:
    put(toys, "toy.label 10 ten")
    put(toys, "toy.label 9 nine")
    rows = look(toys, "toy").split("\r\n")
    assert rows == [
        "toy.age: 3",
        "toy.count: 7",
        "toy.keyhole: ",
        "toy.label 9: nine",
        "toy.label 10: ten",
        "toy.on: 1",
        "toy.report: one",
        "toy.scan: ",
        "toy.scan.retries: 3",
        "toy.secret: ",
        "toy.side left: 0",
        "toy.side right: 5",
    ]
    assert look(toys, "all").split("\r\n") == ["lone: 1", *rows]
    assert look(toys, "to").split("\r\n") == rows


def test_a_name_wins_over_the_group_of_that_name(toys: Variables) -> None:
    put(toys, "toy.scan x")
    assert look(toys, "toy.scan") == "x"


# Indices.


def test_the_indices_of_a_variable(toys: Variables) -> None:
    put(toys, "toy.label 10 ten")
    put(toys, "toy.label 9 nine")
    assert look(toys, "toy.label all") == "9: nine\r\n10: ten"
    put(toys, 'toy.label 9 ""')
    assert look(toys, "toy.label all") == "10: ten"
    assert toys.indices(LABEL) == ["10"]


# Values, for plugins.


def test_only_what_differs_is_held(toys: Variables) -> None:
    toys[COUNT] = 8
    toys.put(SIDE, "right", 0)
    assert [(v.name, i, x) for v, i, x in toys.held()] == [
        ("toy.count", "", 8),
        ("toy.side", "right", 0),
    ]
    toys[COUNT] = 7
    toys.reset(SIDE, "right")
    assert list(toys.held()) == []


def test_watchers_hear_a_change_and_guards_refuse_it(toys: Variables) -> None:
    heard: list[tuple[str, int]] = []
    toys.watch(COUNT, lambda index, value: heard.append((index, value)))

    def guard(variable: Variable[Any], index: str, value: Any) -> None:
        if variable is COUNT and value > 100:
            raise CommandError(Result.FAILED)

    toys.guard(guard)
    put(toys, "toy.count 100")
    assert code_of(lambda: put(toys, "toy.count 101")) is Result.FAILED
    assert toys[COUNT] == 100
    assert heard == [("", 100)]


# What is written can be taken back.

VALUES = st.fixed_dictionaries(
    {},
    optional={
        "toy.count": st.integers(0, 255),
        "toy.scan": st.text(st.characters(max_codepoint=255), max_size=20),
        "toy.scan.retries": st.integers(0, 9),
        "toy.on": st.booleans(),
        "toy.label 3": st.text(st.characters(max_codepoint=255), max_size=16),
        "toy.label 44": st.text(st.characters(max_codepoint=255), max_size=16),
        "toy.side left": st.integers(0, 9),
        "toy.side right": st.integers(0, 9),
        "toy.secret": st.text(st.characters(max_codepoint=255), max_size=32),
    },
)


@given(VALUES)
def test_saved_values_are_restored(values: dict[str, Any]) -> None:
    with Talk(bare=True, plugins=[Toys]) as talk:
        before = talk.kernel.variables
        for key, value in values.items():
            name, _, index = key.partition(" ")
            before.put(before.table.by_name[name], index, value)
        after = Variables(talk.kernel, before.table)
        assert after.restore(before.saved()) == []
        assert list(after.held()) == list(before.held())
        # And each is what `set` takes.
        again = Variables(talk.kernel, before.table)
        for key, text in before.saved().items():
            again.set([*key.split(" "), *split(text)])
        assert dict(again.saved()) == before.saved()


def test_what_is_not_understood_is_left_and_told(toys: Variables) -> None:
    unknown = toys.restore(
        {"toy.count": "9", "gone.away": "1", "toy.on": "maybe", "toy.age": "5", "lone": "2"}
    )
    assert sorted(unknown) == ["gone.away", "toy.age", "toy.on"]
    assert (toys[COUNT], toys[ON], toys[LONE]) == (9, True, 2)


@pytest.mark.parametrize("text", ["", '"', "1 2", "3 4 5"])
def test_a_saved_value_of_the_wrong_form_is_left(toys: Variables, text: str) -> None:
    assert toys.restore({"toy.count": text}) == ["toy.count"]
    assert toys[COUNT] == 7


@pytest.mark.parametrize("key", ["toy.side up", "toy.side", "toy.label 100", "toy.count 3"])
def test_a_saved_index_that_is_not_there_is_left(toys: Variables, key: str) -> None:
    assert toys.restore({key: "1"}) == [key]
    assert list(toys.held()) == []


# Secrets.


def test_a_secret_is_in_no_listing(toys: Variables) -> None:
    put(toys, "toy.secret hush")
    put(toys, "toy.keyhole hush")
    for line in ("all", "toy", "to", "toy.secret", "toy.keyhole"):
        shown = look(toys, line)
        assert "hush" not in shown
        assert MASK in shown
    put(toys, "toy.on 0")
    assert look(toys, "toy.keyhole") == "hush"
    assert "hush" not in look(toys, "all")


@pytest.mark.parametrize("profile", PROFILES)
def test_no_secret_of_any_profile_is_listed(profile: str) -> None:
    with Talk(profile) as talk:
        variables = talk.kernel.variables
        secrets = [
            v for v in variables.table.sorted
            if v.hidden is not None or (v.kind is not None and v.kind.secret)
        ]  # fmt: skip
        assert secrets
        for variable in secrets:
            if variable.index is None:
                talk.ask(f"set {variable.name} hush-hush-hush")
        assert any(value == "hush-hush-hush" for _, _, value in variables.held())
        listing = b""
        for line in ("get all", *{f"get {v.name.split('.')[0]}" for v in variables.table.sorted}):
            listing += talk.ask(line)
        assert b"hush" not in listing
        assert not any("hush" in entry.text for entry in talk.device.log)


# The variables of the real profiles.


@pytest.mark.parametrize("profile", PROFILES)
def test_names_and_shortcuts_are_unique(profile: str) -> None:
    with Talk(profile) as talk:
        table = talk.kernel.variables.table
        assert len(table.by_name) == len(table.sorted)
        shortcuts = [v.shortcut for v in table.sorted if v.shortcut]
        assert len(set(shortcuts)) == len(shortcuts)
        assert all(len(shortcut) <= 3 for shortcut in shortcuts)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_variable_answers_by_name_and_shortcut(profile: str) -> None:
    with Talk(profile) as talk:
        for variable in talk.kernel.variables.table.sorted:
            suffix = " all" if variable.index is not None else ""
            by_name = talk.answer(f"get {variable.name}{suffix}")
            assert by_name[0] == 0 or not variable.readable, variable
            if variable.shortcut and not variable.name.startswith("time."):
                by_shortcut = talk.answer(f"get {' '.join(variable.shortcut)}{suffix}")
                assert by_shortcut == by_name


@pytest.mark.parametrize("profile", PROFILES)
def test_every_default_is_a_value_of_its_kind(profile: str) -> None:
    with Talk(profile) as talk:
        for variable in talk.kernel.variables.table.sorted:
            kind = variable.kind
            if kind is None:
                continue
            for default in (variable.default, *variable.defaults.values()):
                assert kind.parse(split(kind.write(default)), talk.kernel) == default, variable
