"""Serial ports by name: `stdio`, `pty`, `pty:LINK`, `/dev/tty...`, `tcp:HOST:PORT`, `none`."""

from pathlib import Path

from tokay.board.serial.port import Port

FORMS = "stdio, pty, pty:LINK, /dev/tty..., tcp:HOST:PORT or none"


class SerialError(Exception):
    """A serial port that cannot be had, in one line."""


async def open_port(form: str) -> Port | None:
    """Open the port that ``form`` names; None for `none`. Raises SerialError."""
    # Each kind is imported when it is asked for: start-up time is measured.
    try:
        if form == "none":
            return None
        if form == "stdio":
            from tokay.board.serial.stdio import StdioPort  # noqa: PLC0415

            return StdioPort()
        if form == "pty" or (form.startswith("pty:") and form[4:]):
            from tokay.board.serial.pty import PtyPort  # noqa: PLC0415

            return PtyPort(Path(form[4:]) if form[4:] else None)
        if form.startswith("tcp:"):
            return await _tcp(form)
        if form.startswith("/"):
            from tokay.board.serial.tty import TtyPort  # noqa: PLC0415

            return TtyPort(Path(form))
    except OSError as error:
        message = f"serial port {form} cannot be opened: {error.strerror or error}"
        raise SerialError(message) from None
    message = f"unknown serial port {form}: use {FORMS}"
    raise SerialError(message)


async def _tcp(form: str) -> Port:
    from tokay.board.serial.tcp import TcpPort  # noqa: PLC0415

    host, _, port = form.removeprefix("tcp:").rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        message = f"unknown serial port {form}: use tcp:HOST:PORT"
        raise SerialError(message)
    return await TcpPort.listen(host.strip("[]"), int(port))
