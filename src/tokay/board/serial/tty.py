"""A real serial line."""

import contextlib
import os
import termios
from pathlib import Path

from tokay.board.serial.descriptor import DescriptorPort, make_raw, set_line
from tokay.board.serial.port import LineSettings


class TtyPort(DescriptorPort):
    """A tty such as /dev/ttyS0, used alone. Raises OSError."""

    def __init__(self, path: Path) -> None:
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            self._before = termios.tcgetattr(fd)
            make_raw(fd)
            set_line(fd, LineSettings())
        except termios.error as error:
            os.close(fd)
            raise OSError(error.args[0], f"{path} is no serial port") from None
        except OSError:
            os.close(fd)
            raise
        super().__init__(fd, fd, str(path))
        self.can_wait = LineSettings().flow

    def configure(self, settings: LineSettings) -> None:
        set_line(self._read_fd, settings)
        self.can_wait = settings.flow

    def _release(self) -> None:
        # An adapter that was unplugged has no settings to give back.
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self._read_fd, termios.TCSANOW, self._before)
        os.close(self._read_fd)
