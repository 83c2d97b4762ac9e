"""A pseudo-terminal: a serial port for a host on the same machine."""

import contextlib
import os
from pathlib import Path

from tokay.board.serial.descriptor import DescriptorPort, make_raw


class PtyPort(DescriptorPort):
    """The device's end of a pty; ``description`` is the path of the host's end.

    The host's end stays open here too, so that hosts may come and go and what they send while
    nobody reads is kept. ``link``: a symbolic link made to it, and removed at the end. A link that
    stands there already is replaced; anything else that does is left, and raises FileExistsError.
    """

    def __init__(self, link: Path | None = None) -> None:
        device, host = os.openpty()
        self._host = host
        self._link = None
        try:
            make_raw(host)
            path = os.ttyname(host)
            if link is not None:
                _make_link(link, path)
                self._link = link
        except OSError:
            os.close(device)
            os.close(host)
            raise
        super().__init__(device, device, str(link or path))
        self.path = path

    def _release(self) -> None:
        if self._link is not None:
            with contextlib.suppress(OSError):
                if str(self._link.readlink()) == self.path:
                    self._link.unlink()
        os.close(self._read_fd)
        os.close(self._host)


def _make_link(link: Path, path: str) -> None:
    if link.is_symlink():
        link.unlink()
    link.symlink_to(path)
