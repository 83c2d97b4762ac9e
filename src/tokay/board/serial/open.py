"""Serial ports by name: `stdio`, `pty`, `pty:LINK`, `/dev/tty...`, `tcp:HOST:PORT`, ..."""

from pathlib import Path

from tokay.board.serial.port import SerialPort

FORMS = "stdio, pty, pty:LINK, /dev/tty..., tcp:HOST:PORT, rfc2217:HOST:PORT or none"


class SerialError(Exception):
    """A serial port that cannot be had, in one line."""


async def open_port(form: str, *, pace: bool = False) -> SerialPort | None:
    """Open the port that ``form`` names; None for `none`. Raises SerialError.

    ``pace``: make it as slow as the wire that it stands for. A real line is that by itself.
    """
    port = await _open(form)
    if not pace or port is None or form.startswith("/"):
        return port
    from tokay.board.serial.paced import PacedPort  # noqa: PLC0415

    return PacedPort(port)


async def _open(form: str) -> SerialPort | None:
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
            from tokay.board.serial.tcp import TcpPort  # noqa: PLC0415

            return await TcpPort.listen(*_address(form, "tcp:"))
        if form.startswith("rfc2217:"):
            from tokay.board.serial.rfc2217 import Rfc2217Port  # noqa: PLC0415

            return await Rfc2217Port.listen(*_address(form, "rfc2217:"))
        if form.startswith("/"):
            from tokay.board.serial.tty import TtyPort  # noqa: PLC0415

            return TtyPort(Path(form))
    except OSError as error:
        message = f"serial port {form} cannot be opened: {error.strerror or error}"
        raise SerialError(message) from None
    message = f"unknown serial port {form}: use {FORMS}"
    raise SerialError(message)


def _address(form: str, scheme: str) -> tuple[str, int]:
    """Return host and port; `//` before them, as in a URL, is understood. Raises SerialError."""
    host, _, port = form.removeprefix(scheme).removeprefix("//").rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        message = f"unknown serial port {form}: use {scheme}HOST:PORT"
        raise SerialError(message)
    return host.strip("[]"), int(port)
