"""What the real buses and pins have in common: the extra that they need, and errors in one line."""

import errno
import os
from importlib import import_module
from types import ModuleType

EXTRA = "tokay[hardware]"


class MissingExtraError(Exception):
    """A package that is not installed, and what to install."""


def need(package: str, option: str) -> ModuleType:
    """Import a package of the extra. Raises MissingExtraError."""
    try:
        return import_module(package)
    except ImportError:
        message = f"{option} needs {package}: install {EXTRA}"
        raise MissingExtraError(message) from None


def reason(error: OSError) -> str:
    """Return what an error of the operating system says, without numbers and paths."""
    if error.errno is None:
        return str(error)
    if error.errno == errno.EBUSY:
        return "in use by another program or driver"
    return os.strerror(error.errno)
