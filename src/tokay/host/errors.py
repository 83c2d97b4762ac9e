"""What can go wrong between a host and a module. Everything is a ``ModuleError``."""

SHOWN = 200
"""Bytes of what was received that a message shows."""


class ModuleError(Exception):
    """The module did not do what it was asked for, or could not be asked."""


class Timeout(ModuleError):  # noqa: N818 - the name that hosts look for
    """Nothing, or not enough, came in time. ``received``: the bytes that did."""

    def __init__(self, what: str, received: bytes = b"") -> None:
        got = f"; received {shown(received)}" if received else "; nothing was received"
        super().__init__(what + got)
        self.received = received


class CommandFailed(ModuleError):  # noqa: N818
    """The module answered with another result than success.

    ``code`` is 1-9 (docs/protocol/command-protocol.md, section 4), ``text`` what it said, ``log``
    what it told before that.
    """

    def __init__(self, command: str, code: int, data: bytes, log: tuple[str, ...] = ()) -> None:
        self.command = command
        self.code = code
        self.data = data
        self.text = data.decode("utf-8", "backslashreplace")
        self.log = log
        why = f" ({'; '.join(log)})" if log else ""
        super().__init__(f"{command}: {self.text or 'failed'} [{code}]{why}")


class FramingError(ModuleError):
    """What came is not the language of a module. ``received``: the last bytes of it."""

    def __init__(self, what: str, received: bytes = b"") -> None:
        super().__init__(f"{what}; received {shown(received)}" if received else what)
        self.received = received


class Disconnected(ModuleError):  # noqa: N818
    """The connection is gone, or was never made."""


class Restarted(Disconnected):
    """The module restarted while a command ran."""


class Busy(ModuleError):  # noqa: N818
    """Somebody else has the port, the remote terminal, or all that the module can serve."""


class LoginFailed(ModuleError):  # noqa: N818
    """The module wants a password, or another one."""


class AddressError(ModuleError, ValueError):
    """A URL that names no module."""


class Unsupported(ModuleError):  # noqa: N818
    """This transport, or this generation of modules, cannot do that."""


def shown(data: bytes) -> str:
    """Return the last bytes of ``data`` as they may be shown: escaped, with their number."""
    tail = repr(data[-SHOWN:])[1:]
    return f"{len(data)} bytes, at last {tail}" if len(data) > SHOWN else tail
