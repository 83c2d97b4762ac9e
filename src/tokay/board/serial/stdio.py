"""Standard input and output as a serial port: a device at a prompt."""

import contextlib
import os
import termios

from tokay.board.serial.descriptor import DescriptorPort


class StdioPort(DescriptorPort):
    """The terminal, one key at a time and without its own echo; or a pipe, read to its end.

    Ctrl-C goes on stopping the program: a device at a prompt can always be left.
    """

    def __init__(self) -> None:
        read_fd, write_fd = 0, 1  # Python has no `sys.stdin` where it was closed
        self._before = None
        if os.isatty(read_fd):
            self._before = termios.tcgetattr(read_fd)
            mode = termios.tcgetattr(read_fd)
            mode[0] &= ~(termios.ICRNL | termios.IXON)
            mode[3] &= ~(termios.ICANON | termios.ECHO | termios.IEXTEN)
            mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
            termios.tcsetattr(read_fd, termios.TCSADRAIN, mode)
        super().__init__(read_fd, write_fd, "stdio")

    def _release(self) -> None:
        if self._before is not None:
            # A terminal that was hung up has no settings to give back.
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self._read_fd, termios.TCSADRAIN, self._before)
