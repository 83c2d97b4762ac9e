r"""The kinds of value that a variable can hold: how each is parsed, checked, printed and written.

``parse`` takes the words that stood behind the variable's name and raises CommandError with the
device's own result code. ``show`` is what the getter prints. ``write`` gives words that ``parse``
takes back: the form in which a value is saved.
"""

import ipaddress
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar
from urllib.parse import urlsplit

from tokay.kernel.results import bad_args
from tokay.kernel.tokenizer import printable, quote, unescape

NO_PIN = -1
MASK = "********"
TRUE = frozenset(("1", "true", "on"))
FALSE = frozenset(("0", "false", "off"))

T = TypeVar("T")


class Scope(Protocol):
    """What a value may refer to on its device."""

    def pin(self, word: str) -> int:
        """Return the number of the pin that has this number or alias; raises CommandError."""


class Nowhere:
    """A scope with pins by number only: for defaults, and for kinds on their own."""

    def pin(self, word: str) -> int:
        """Take a number, 0-255."""
        return integer(word, 0, 255)


NOWHERE = Nowhere()


def integer(word: str, low: int, high: int) -> int:
    """Return the number that ``word`` writes in decimal or as 0x hex, within ``low``-``high``."""
    digits = word.removeprefix("-")
    try:
        number = int(word, 16 if digits[:2].lower() == "0x" else 10)
    except ValueError:
        raise bad_args(f"{word} is not a number") from None
    # int() also takes 1_000, blanks and the digits of other scripts: a device does not.
    if not digits.isascii() or not digits.isalnum() or not low <= number <= high:
        raise bad_args(f"{word} is not in {low} to {high}")
    return number


class ValueType(ABC, Generic[T]):
    """A kind of value. ``words`` says how few and how many words one value takes."""

    words: tuple[int, int] = (1, 1)
    secret = False
    hint = ""

    @abstractmethod
    def parse(self, words: Sequence[str], scope: Scope = NOWHERE) -> T:
        """Return the value that the words stand for."""

    def show(self, value: T) -> str:
        """Return the value as the getter prints it."""
        return str(value)

    def write(self, value: T) -> str:
        """Return the value as `set` takes it."""
        return quote(self.show(value))


class Boolean(ValueType[bool]):
    """On or off, in any of the six words and any case; printed as 1 or 0.

    ``also_off``: a further word for off, as hosts of the field write it.
    """

    hint = "0|1"

    def __init__(self, *, also_off: str = "") -> None:
        self._off = FALSE | {also_off} if also_off else FALSE

    def parse(self, words: Sequence[str], scope: Scope = NOWHERE) -> bool:
        word = words[0].lower()
        if word in TRUE:
            return True
        if word in self._off:
            return False
        raise bad_args(f"{words[0]} is neither on nor off")

    def show(self, value: bool) -> str:
        return "1" if value else "0"


class Integer(ValueType[int]):
    """A number from ``low`` to ``high``, both included; hexadecimal with 0x is understood."""

    def __init__(self, low: int, high: int, *, unit: str = "") -> None:
        self.low, self.high = low, high
        self.hint = f"{low}-{high}{' ' + unit if unit else ''}"

    def parse(self, words: Sequence[str], scope: Scope = NOWHERE) -> int:
        return integer(words[0], self.low, self.high)


class PortNumber(Integer):
    """A TCP or UDP port: 1-65535, or from 0 on where 0 means any."""

    def __init__(self, *, any_port: bool = False) -> None:
        super().__init__(0 if any_port else 1, 65535)


class Hex(Integer):
    """A number printed in hexadecimal, as masks and types are."""

    def show(self, value: int) -> str:
        return f"0x{value:X}"


class Choice(ValueType[str]):
    """One of some words. ``also`` maps further words that are accepted to those."""

    def __init__(self, *options: str, also: dict[str, str] | None = None) -> None:
        self.options, self.also = options, also or {}
        self.hint = "|".join(options)

    def parse(self, words: Sequence[str], scope: Scope = NOWHERE) -> str:
        word = self.also.get(words[0].lower(), words[0])
        if word not in self.options:
            raise bad_args(f"{words[0]} is not one of {self.hint}")
        return word


class Text(ValueType[str]):
    r"""Bytes as Latin-1 text, ``low`` to ``high`` of them once escapes are decoded.

    The empty text is taken when ``low`` is 0 or ``empty`` says so: it unsets the variable.
    """

    def __init__(
        self, low: int = 0, high: int = 255, *, empty: bool = True, secret: bool = False
    ) -> None:
        self.low, self.high, self.empty, self.secret = low, high, empty, secret
        self.hint = f"{low}-{high} characters"

    def parse(self, words: Sequence[str], scope: Scope = NOWHERE) -> str:
        try:
            text = unescape(words[0])
        except ValueError as error:
            raise bad_args(str(error)) from None
        if text or not self.empty:
            self.check(text)
        return text

    def check(self, text: str) -> None:
        """Raise CommandError when a text that is not empty does not serve."""
        if not self.low <= len(text) <= self.high:
            raise bad_args(f"{len(text)} characters are not {self.hint}")

    def show(self, value: str) -> str:
        return printable(value)

    def write(self, value: str) -> str:
        return quote(value)


class SecretFileName(Text):
    """The name of a file that nobody may read from outside, such as a private key."""


class Passkey(Text):
    """A WPA passphrase: 8 to ``high`` characters with codes 32-127, or 64 hex digits as PSK.

    Source: docs/protocol/variables.md, section 3.1.
    """

    _PSK = re.compile(r"[0-9A-Fa-f]{64}")

    def __init__(self, high: int = 63) -> None:
        super().__init__(8, high)

    def check(self, text: str) -> None:
        if self._PSK.fullmatch(text):
            return
        super().check(text)


class RestrictedText(Text):
    """A text whose characters must all be of a set, such as a host name."""

    def __init__(self, characters: str, low: int = 0, high: int = 255) -> None:
        super().__init__(low, high)
        self._pattern = re.compile(f"[{characters}]*")

    def check(self, text: str) -> None:
        super().check(text)
        if not self._pattern.fullmatch(text):
            raise bad_args(f"{text} has characters that do not serve")


class Url(Text):
    """A URL of one of ``schemes``; the scheme may be left out when ``bare`` says so."""

    def __init__(self, *schemes: str, bare: bool = True) -> None:
        super().__init__(0, 255)
        self._schemes, self._bare = schemes, bare
        self.hint = "|".join(schemes) + " URL"

    def check(self, text: str) -> None:
        super().check(text)
        try:
            parts = urlsplit(text if "://" in text else f"{self._schemes[0]}://{text}")
            usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            usable = False
        if not usable or parts.scheme not in self._schemes or not (self._bare or "://" in text):
            raise bad_args(f"{text} is no {self.hint}")


class Ipv4(ValueType[str]):
    """An IPv4 address as dotted quad."""

    hint = "a.b.c.d"

    def parse(self, words: Sequence[str], scope: Scope = NOWHERE) -> str:
        try:
            return str(ipaddress.IPv4Address(words[0]))
        except ValueError:
            raise bad_args(f"{words[0]} is no IPv4 address") from None


class Mac(ValueType[str]):
    """A hardware address, with colons or without; printed upper-case with colons. May be unset."""

    hint = "XX:XX:XX:XX:XX:XX"
    _FORM = re.compile(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}|[0-9A-Fa-f]{12}")
    _UNSET = frozenset(("", "none", "00:00:00:00:00:00", "000000000000"))

    def parse(self, words: Sequence[str], scope: Scope = NOWHERE) -> str:
        word = words[0]
        if word.lower() in self._UNSET:
            return ""
        if not self._FORM.fullmatch(word):
            raise bad_args(f"{word} is no hardware address")
        digits = word.replace(":", "").upper()
        return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


class Pin(ValueType[int]):
    """A GPIO by number or alias, or -1 for none."""

    hint = "GPIO or -1"

    def parse(self, words: Sequence[str], scope: Scope = NOWHERE) -> int:
        return NO_PIN if words[0] in ("-1", "none") else scope.pin(words[0])


class Words(ValueType[tuple[str, ...]]):
    """A comma-separated list of words from a set; stands in one word."""

    def __init__(self, pattern: str, *, high: int = 32) -> None:
        self._pattern, self._high = re.compile(pattern), high
        self.hint = "comma-separated list"

    def parse(self, words: Sequence[str], scope: Scope = NOWHERE) -> tuple[str, ...]:
        items = tuple(item.strip() for item in words[0].split(",")) if words[0] else ()
        if len(items) > self._high or not all(self._pattern.fullmatch(item) for item in items):
            raise bad_args(f"{words[0]} has items that are not known")
        return items

    def show(self, value: tuple[str, ...]) -> str:
        return ",".join(value)
