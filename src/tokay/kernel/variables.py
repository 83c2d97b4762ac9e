"""Variables: what a device can be told and asked, declared once, held only where it differs.

A plugin declares its variables in a table. A ``VariableTable`` is all of them for one profile and
is shared by every device of that profile; ``Variables`` is one device's values, a small dict of
what differs from the default.

Sources: docs/protocol/variables.md, sections 1 to 5; docs/protocol/command-protocol.md, section
2.1.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from tokay.kernel.results import (
    UNKNOWN_VARIABLE,
    CommandError,
    Result,
    bad_args,
    lines,
)
from tokay.kernel.tokenizer import split
from tokay.kernel.value_types import MASK, SecretFileName, ValueType

if TYPE_CHECKING:
    from tokay.kernel.kernel import Kernel

T = TypeVar("T")

ALL = "all"
LONGEST_SHORTCUT = 3


class Applies(Enum):
    """When a changed value takes effect."""

    NOW = "at once"
    NETWORK_RESTART = "after network_restart"
    UART_UPDATE = "after uart_update, or save and reboot"
    REBOOT = "after save and reboot"
    SETUP_RESTART = "when web setup starts again"


class Index(ABC):
    """What follows the name of an indexed variable: `gpio.alias <n>`, `uart.baud <n>`."""

    hint = "index"

    @abstractmethod
    def key(self, word: str, kernel: "Kernel") -> str:
        """Return the index in its one spelling. Raises CommandError when there is no such."""

    @abstractmethod
    def keys(self, kernel: "Kernel") -> Iterable[str]:
        """Return every index that a listing shows; empty when only the set ones are shown."""


class Variable(Generic[T]):
    """A setting, or with a getter a value that is computed.

    ``default`` is a value of the kind; ``defaults`` has others by index. ``getter`` gives the
    printed text and takes the kernel and the words behind the name, which must be among
    ``getter_words``. ``setter`` takes the kernel and the words, for what is acted on rather than
    held. ``hidden`` says whether a direct `get` prints a mask. ``backup``: a factory reset keeps
    it. ``lockable``: one keeps it when `system.variable_lock` says so. ``also``: further names and
    shortcuts, of other generations or seen in the field. ``inert``: taken and kept, but nothing
    here goes by it; `set` says so in the log.
    """

    __slots__ = (
        "also",
        "applies",
        "backup",
        "default",
        "defaults",
        "doc",
        "getter",
        "getter_words",
        "hidden",
        "index",
        "inert",
        "kind",
        "lockable",
        "name",
        "readable",
        "safe_mode",
        "setter",
        "setter_words",
        "shortcut",
    )

    def __init__(
        self,
        name: str,
        shortcut: str,
        kind: ValueType[T] | None,
        default: T,
        *,
        doc: str,
        applies: Applies = Applies.NOW,
        index: Index | None = None,
        defaults: Mapping[str, T] | None = None,
        safe_mode: bool = False,
        backup: bool = False,
        lockable: bool = False,
        readable: bool = True,
        hidden: "Callable[[Kernel], bool] | None" = None,
        also: Sequence[str] = (),
        inert: bool = False,
    ) -> None:
        self.name = name
        self.also = [tuple(one.split()) for one in also]
        self.inert = inert
        self.shortcut = tuple(shortcut.split())
        self.kind = kind
        self.default = default
        self.defaults = defaults or {}
        self.doc = doc
        self.applies = applies
        self.index = index
        self.safe_mode = safe_mode
        self.backup = backup
        self.lockable = lockable
        self.readable = readable
        self.hidden = hidden
        self.getter: Callable[[Kernel, Sequence[str]], str] | None = None
        self.getter_words: Sequence[str] = ()
        self.setter: Callable[[Kernel, Sequence[str]], None] | None = None
        self.setter_words = (1, 1)

    def __repr__(self) -> str:
        return f"<variable {self.name}>"


def computed(
    name: str,
    shortcut: str,
    getter: "Callable[[Kernel, Sequence[str]], str] | None" = None,
    *,
    doc: str,
    getter_words: Sequence[str] = (),
    setter: "Callable[[Kernel, Sequence[str]], None] | None" = None,
    setter_words: tuple[int, int] = (1, 1),
    safe_mode: bool = False,
    also: Sequence[str] = (),
) -> Variable[None]:
    """Return a variable that holds nothing: read through ``getter``, set through ``setter``."""
    variable: Variable[None] = Variable(
        name, shortcut, None, None, doc=doc, safe_mode=safe_mode, also=also
    )
    variable.getter, variable.getter_words = getter, getter_words
    variable.setter, variable.setter_words = setter, setter_words
    variable.readable = getter is not None
    return variable


class VariableMatch(NamedTuple):
    """A variable that a line names, and the words behind its name."""

    variable: Variable[Any]
    rest: list[str]


class VariableTable:
    """Every variable of one profile: by name, by shortcut, and sorted."""

    def __init__(self, variables: Iterable[Variable[Any]], defaults: Mapping[str, str]) -> None:
        self.sorted = sorted(variables, key=lambda variable: variable.name)
        self.by_name = {variable.name: variable for variable in self.sorted}
        self.by_shortcut = {v.shortcut: v for v in self.sorted if v.shortcut}
        self._by_words = {words: v for v in self.sorted for words in v.also} | self.by_shortcut
        self.secret_files = [v for v in self.sorted if isinstance(v.kind, SecretFileName)]
        """Variables that name a file which no server may send."""
        self.defaults: dict[str, Any] = {}
        for key, text in defaults.items():
            variable = self.by_name[key.split(" ")[0]]
            if variable.kind is None:
                message = f"{key} is computed and has no default"
                raise ValueError(message)
            try:
                self.defaults[key] = variable.kind.parse(split(text))
            except CommandError as error:
                message = f"{key}: {error.reason or error.text}"
                raise ValueError(message) from error

    def find(self, words: Sequence[str], *, least: int = 0) -> VariableMatch | None:
        """Return the variable that ``words`` begin with; ``least`` words must be left behind it.

        A dotted name is one word; a shortcut is up to three, and the longest that fits wins.
        """
        variable = self.by_name.get(words[0])
        if variable is not None:
            return VariableMatch(variable, list(words[1:]))
        fallback = None
        for size in range(min(LONGEST_SHORTCUT, len(words)), 0, -1):
            variable = self._by_words.get(tuple(words[:size]))
            if variable is None:
                continue
            found = VariableMatch(variable, list(words[size:]))
            if len(found.rest) >= least:
                return found
            fallback = fallback or found
        return fallback

    def group(self, words: Sequence[str]) -> list[Variable[Any]]:
        """Return the variables below a dotted prefix or a shortcut's first words; maybe none."""
        if len(words) == 1:
            if words[0] == ALL:
                return self.sorted
            prefix = words[0] + "."
            below = [variable for variable in self.sorted if variable.name.startswith(prefix)]
            if below:
                return below
        head = tuple(words)
        return [variable for variable in self.sorted if variable.shortcut[: len(head)] == head]


class Variables:
    """One device's values.

    Watchers hear (index, value) after a change; guards see it before and refuse by CommandError.
    """

    __slots__ = ("_guards", "_kernel", "_values", "_watchers", "table")

    def __init__(self, kernel: "Kernel", table: VariableTable) -> None:
        self._kernel = kernel
        self.table = table
        self._values: dict[str, Any] = {}
        self._watchers: dict[str, list[Callable[[str, Any], None]]] = {}
        self._guards: list[Callable[[Variable[Any], str, Any], None]] = []

    # Values, for plugins.

    def __getitem__(self, variable: Variable[T]) -> T:
        # Asked several times for each command: the straight way.
        name = variable.name
        value: T = self._values[name] if name in self._values else self._default(variable, "")
        return value

    def at(self, variable: Variable[T], index: str) -> T:
        """Return the value at an index, as ``Index.key`` spells it."""
        key = _key(variable, index)
        if key in self._values:
            value: T = self._values[key]
            return value
        return self._default(variable, index)

    def __setitem__(self, variable: Variable[T], value: T) -> None:
        self.put(variable, "", value)

    def put(self, variable: Variable[T], index: str, value: T) -> None:
        """Set a value that is already of the kind; guards may refuse it, watchers hear it."""
        for guard in self._guards:
            guard(variable, index, value)
        self._hold(variable, index, value)
        for watcher in self._watchers.get(variable.name, ()):
            watcher(index, value)

    def reset(self, variable: Variable[T], index: str = "") -> None:
        """Set a value back to its default."""
        self.put(variable, index, self._default(variable, index))

    def indices(self, variable: Variable[Any]) -> list[str]:
        """Return the indices of a variable that hold something else than its default."""
        start = variable.name + " "
        return [key[len(start) :] for key in self._values if key.startswith(start)]

    def watch(self, variable: Variable[T], watcher: Callable[[str, T], None]) -> None:
        """Call ``watcher(index, value)`` after each change of the variable."""
        self._watchers.setdefault(variable.name, []).append(watcher)

    def guard(self, guard: Callable[[Variable[Any], str, Any], None]) -> None:
        """Call ``guard(variable, index, value)`` before each change; it may raise CommandError."""
        self._guards.append(guard)

    def held(self) -> Iterator[tuple[Variable[Any], str, Any]]:
        """Return every (variable, index, value) that differs from the default."""
        for key, value in list(self._values.items()):
            name, _, index = key.partition(" ")
            yield self.table.by_name[name], index, value

    # Text, for commands and files.

    def get(self, words: Sequence[str]) -> str:
        """Answer `get`: one value, or the listing of a group."""
        found = self.table.find(words)
        if found is not None and self._here(found.variable):
            return self._get_one(found.variable, found.rest)
        group = [v for v in self.table.group(words) if self._here(v)]
        if not group:
            raise CommandError(Result.UNKNOWN_OPTION, text=UNKNOWN_VARIABLE)
        return lines([row for variable in group for row in self._rows(variable)])

    def set(self, words: Sequence[str]) -> None:
        """Carry out `set`. Raises CommandError with the code that fits."""
        found = self.table.find(words, least=1)
        if found is None or not self._here(found.variable):
            raise CommandError(Result.UNKNOWN_OPTION, text=UNKNOWN_VARIABLE)
        variable, rest = found
        if variable.setter is not None:
            _check_count(rest, *variable.setter_words)
            variable.setter(self._kernel, rest)
            return
        if variable.kind is None:
            # A variable that cannot be set has no setter, and is as good as unknown.
            raise CommandError(Result.UNKNOWN_OPTION, "read-only", text=UNKNOWN_VARIABLE)
        index = ""
        if variable.index is not None:
            _check_count(rest, 2, 1 + variable.kind.words[1])
            index = variable.index.key(rest.pop(0), self._kernel)
        _check_count(rest, *variable.kind.words)
        self.put(variable, index, variable.kind.parse(rest, self._kernel))
        if variable.inert:
            self._kernel.log.line(f"{variable.name} is kept and has no effect")

    def saved(self) -> dict[str, str]:
        """Return what differs from the defaults, in the words that `set` takes."""
        return {
            _key(variable, index): variable.kind.write(value)
            for variable, index, value in self.held()
            if variable.kind is not None
        }

    def restore(self, saved: Mapping[str, str]) -> list[str]:
        """Take saved settings back; return the keys that this device no longer understands."""
        unknown = []
        for key, text in saved.items():
            name, _, index = key.partition(" ")
            variable = self.table.by_name.get(name)
            try:
                if variable is None or variable.kind is None:
                    raise bad_args()
                if variable.index is not None:
                    index = variable.index.key(index, self._kernel)
                elif index:
                    raise bad_args()
                words = split(text)
                _check_count(words, *variable.kind.words)
                value = variable.kind.parse(words, self._kernel)
            except CommandError:
                unknown.append(key)
                continue
            self._hold(variable, index, value)
        return unknown

    def masked(self, variable: Variable[Any]) -> bool:
        """Whether a direct `get` prints a mask in place of the value."""
        if variable.hidden is not None:
            return variable.hidden(self._kernel)
        return variable.kind is not None and variable.kind.secret

    def _hold(self, variable: Variable[T], index: str, value: T) -> None:
        key = _key(variable, index)
        if value == self._default(variable, index):
            self._values.pop(key, None)
        else:
            self._values[key] = value

    def _default(self, variable: Variable[T], index: str) -> T:
        profile = self.table.defaults
        value: T = profile.get(variable.name, variable.default)
        if index:
            value = variable.defaults.get(index, value)
            value = profile.get(_key(variable, index), value)
        return value

    def _here(self, variable: Variable[Any]) -> bool:
        return variable.safe_mode or not self._kernel.safe_mode

    def _get_one(self, variable: Variable[Any], rest: list[str]) -> str:
        if not variable.readable:
            raise CommandError(Result.FAILED, f"{variable.name} cannot be read")
        if variable.getter is not None:
            if len(rest) > 1 or (rest and not variable.getter_words):
                raise CommandError(Result.TOO_MANY_ARGS)
            if rest and rest[0] not in variable.getter_words:
                raise bad_args(f"{rest[0]} is not one of {variable.getter_words}")
            return variable.getter(self._kernel, rest)
        if variable.index is None:
            _check_count(rest, 0, 0)
            return self._shown(variable, "")
        _check_count(rest, 1, 1)
        if rest[0] == ALL:
            return lines([f"{key}: {self._shown(variable, key)}" for key in self._keys(variable)])
        return self._shown(variable, variable.index.key(rest[0], self._kernel))

    def _rows(self, variable: Variable[Any]) -> list[str]:
        if not variable.readable:
            return []
        name = variable.name
        if variable.getter is not None:
            return [f"{name}: {_one_line(variable.getter(self._kernel, ()))}"]
        if variable.index is None:
            return [f"{name}: {self._shown(variable, '', listing=True)}"]
        return [f"{name} {key}: {self._shown(variable, key)}" for key in self._keys(variable)]

    def _keys(self, variable: Variable[Any]) -> list[str]:
        assert variable.index is not None  # noqa: S101 - the callers asked
        keys = [variable.index.key(key, self._kernel) for key in self.indices(variable)]
        every = variable.index.keys(self._kernel)
        return list(every) or sorted(keys, key=lambda key: (len(key), key))

    def _shown(self, variable: Variable[Any], index: str, *, listing: bool = False) -> str:
        assert variable.kind is not None  # noqa: S101 - the callers asked
        value = self.at(variable, index)
        guarded = variable.hidden is not None or variable.kind.secret
        if value and guarded and (listing or self.masked(variable)):
            return MASK
        return variable.kind.show(value)


def _key(variable: Variable[Any], index: str) -> str:
    return f"{variable.name} {index}" if index else variable.name


def _check_count(words: Sequence[str], least: int, most: int) -> None:
    if len(words) < least:
        raise CommandError(Result.TOO_FEW_ARGS)
    if len(words) > most:
        raise CommandError(Result.TOO_MANY_ARGS)


def _one_line(text: str) -> str:
    """Return what stands in a listing for a value: a report of several lines keeps its first."""
    return text.split("\r\n", 1)[0]
