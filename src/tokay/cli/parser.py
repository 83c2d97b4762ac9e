"""Argument parsing with one-line errors."""

import argparse
from collections.abc import Sequence
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """An argument parser that answers a mistake in one line and takes no abbreviated options."""

    def __init__(self, prog: str, description: str | None) -> None:
        super().__init__(
            prog=prog,
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """Return the values of the options. Exits with status 2 when one is not known."""
        found, unknown = self.parse_known_args(words)
        if unknown:
            self.error(self._unknown(unknown[0]))
        return found

    def error(self, message: str) -> NoReturn:
        """Exit with status 2 and one line on standard error."""
        self.exit(2, f"tokay: {message}; see `{self.prog} --help`\n")

    def _unknown(self, word: str) -> str:
        if not word.startswith("-"):
            return f"{word} stands where an option is expected"
        from difflib import get_close_matches  # noqa: PLC0415 - for a mistake alone

        option = word.partition("=")[0]
        near = get_close_matches(option, self._option_string_actions, n=1)
        return f"No such option: {option}" + (f" (did you mean {near[0]}?)" if near else "")
