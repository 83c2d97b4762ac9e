"""AddressLocks: which loopback addresses are taken on this machine.

Every simulated device has a loopback address of its own, and nothing in the kernel keeps two
programs from using the same one. Two sources tell:

- Other Tokay processes hold a lock on one byte of a file that they all share, at the offset
  given by the address's low 24 bits (fcntl(2), "Advisory record locking"). One descriptor a
  process holds every claim, and the kernel drops them when the process dies, however it dies.
- Any other program shows as a local address in /proc/net/tcp and its like (proc_net(5)).
"""

import contextlib
import errno
import fcntl
import functools
import logging
import os
import re
import stat
import struct
import sys
import tempfile
import time
import weakref
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path

PROC_NET = Path("/proc/net")
SCAN_LIFETIME = 1.0
"""Seconds for which one reading of /proc/net is trusted: a fleet joins faster than it parses."""

_log = logging.getLogger(__name__)
_LOCK_FILE = "tokay-127.77.claims"
_TABLES = ("tcp", "udp", "tcp6", "udp6")
_PORTS = 1 << 24
"""Where in the file the ports are claimed: behind every address."""
_FLOCK = struct.Struct("@hhqqi")  # struct flock with a 64-bit off_t: type, whence, start, len, pid

# "  12: 0100007F:1F90 00000000:0000 0A 0:0 00:0 0  1000  0 6570 ...": the local address is one
# 32-bit word printed in host order, the tenth field is the inode. No inode means no process:
# a connection in TIME_WAIT holds a port pair and not the address.
_LOOPBACK = rb"[0-9A-F]{6}7F" if sys.byteorder == "little" else rb"7F[0-9A-F]{6}"
_LOCAL_SOCKET = re.compile(
    rb"^ *\d+: (?:0{16}(?:FFFF0000|0000FFFF))?(" + _LOOPBACK + rb"):(?:\S+ +){8}[1-9]", re.MULTILINE
)

# The same, for listeners (state 0A) on every address, IPv4's or IPv6's.
_WILDCARD = re.compile(rb"^ *\d+: (?:0{8}|0{32}):([0-9A-F]{4}) \S+ 0A ", re.MULTILINE)

_instances: "weakref.WeakSet[AddressLocks]" = weakref.WeakSet()


class AddressLocks:
    """Locks on addresses in 127.0.0.0/8, held by this process.

    Two objects on one file in one process would not see each other, and closing one would drop
    the other's locks (fcntl(2), "Record locks"): use `process_address_locks`, or a file of one's
    own.
    If the file cannot be used, only this process and /proc/net are looked at.
    """

    __slots__ = (
        "__weakref__", "_clock", "_closer", "_fd", "_foreign", "_held", "_path", "_scanned_at",
    )  # fmt: skip

    def __init__(
        self, path: Path | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path or Path(tempfile.gettempdir()) / _LOCK_FILE
        self._clock = clock
        self._fd: int | None = None
        self._closer: Callable[[], object] | None = None
        self._held: set[int] = set()
        self._foreign: frozenset[int] = frozenset()
        self._scanned_at: float | None = None
        _instances.add(self)

    def acquire(self, address: IPv4Address) -> bool:
        """Lock an address for this process; return False if it is held, by this process too."""
        number = int(address)
        if number in self._held or number in self._foreign_addresses():
            return False
        fd = self._file()
        if fd >= 0:
            try:
                fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _offset(number))
            except OSError as error:
                if error.errno in (errno.EACCES, errno.EAGAIN):
                    return False
                raise
        self._held.add(number)
        return True

    def release(self, address: IPv4Address) -> None:
        """Release an address; nothing happens if this process does not hold it."""
        number = int(address)
        if number in self._held:
            self._held.remove(number)
            fd = self._file()
            if fd >= 0:
                fcntl.lockf(fd, fcntl.LOCK_UN, 1, _offset(number))

    def acquire_port(self, port: int) -> bool:
        """Lock a port of every loopback address; return False if it is held or unknown."""
        number = _PORTS + port
        fd = self._file()
        if fd < 0 or number in self._held:
            return False
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                return False
            raise
        self._held.add(number)
        return True

    def release_port(self, port: int) -> None:
        """Release a port."""
        number = _PORTS + port
        if number in self._held:
            self._held.remove(number)
            fcntl.lockf(self._file(), fcntl.LOCK_UN, 1, number)

    def in_use(self, address: IPv4Address) -> bool:
        """Return whether an address is held by this process, another, or a program's socket.

        A foreign socket may be noticed up to SCAN_LIFETIME seconds late.
        """
        number = int(address)
        return number in self._held or number in self._foreign_addresses() or self._locked(number)

    def close(self) -> None:
        """Release every lock and close the file."""
        if self._closer is not None:
            self._closer()
        self._fd = self._closer = None
        self._held.clear()

    def _locked(self, number: int) -> bool:
        """Return whether another process holds the lock (our own do not show, by POSIX)."""
        fd = self._file()
        if fd < 0:
            return False
        query = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, _offset(number), 1, 0)
        kind, *_ = _FLOCK.unpack(fcntl.fcntl(fd, fcntl.F_GETLK, query))
        return bool(kind != fcntl.F_UNLCK)

    def _file(self) -> int:
        """Return the lock file's descriptor, -1 if it cannot be used."""
        if self._fd is None:
            try:
                self._fd = _open_shared(self._path)
                # A program may make and drop many airspaces: the file is closed with its locks.
                self._closer = weakref.finalize(self, os.close, self._fd)
            except OSError as error:
                _log.warning(
                    "%s: %s; other Tokay processes are seen only by their sockets",
                    self._path,
                    error.strerror,
                )
                self._fd = -1
        return self._fd

    def _foreign_addresses(self) -> frozenset[int]:
        now = self._clock()
        if self._scanned_at is None or now - self._scanned_at >= SCAN_LIFETIME:
            # Claimed addresses were free of others when they were claimed; what shows there now
            # are our own sockets, and must not outlive the claim in this cache.
            self._foreign = frozenset(local_addresses() - self._held)
            self._scanned_at = now
        return self._foreign


@functools.cache
def process_address_locks() -> AddressLocks:
    """Return the one `AddressLocks` of this process on the machine's shared file."""
    return AddressLocks()


def local_addresses(proc_net: Path = PROC_NET) -> set[int]:
    """List the loopback addresses that this machine's sockets are bound to, as numbers.

    IPv4 sockets, and IPv6 ones on mapped addresses. Empty where /proc/net cannot be read.
    """
    found: set[bytes] = set()
    for table in _TABLES:
        with contextlib.suppress(OSError):
            found.update(_LOCAL_SOCKET.findall((proc_net / table).read_bytes()))
    order = sys.byteorder
    return {int.from_bytes(bytes.fromhex(text.decode()), order) for text in found}


def wildcard_ports(proc_net: Path = PROC_NET) -> set[int]:
    """List the TCP ports on which this machine listens on every address.

    Empty where /proc/net cannot be read.
    """
    found: set[int] = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            found.update(int(n, 16) for n in _WILDCARD.findall((proc_net / table).read_bytes()))
    return found


def _offset(number: int) -> int:
    return number & 0xFFFFFF


def _open_shared(path: Path) -> int:
    """Open the file that every user's processes lock, making it if need be. Raises OSError."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    # fs.protected_regular (proc_sys_fs(5)) refuses O_CREAT on another user's file in /tmp, so
    # creating is a second step, and exclusive; whoever loses that race opens the winner's.
    for _ in range(3):
        with contextlib.suppress(FileNotFoundError):
            fd = os.open(path, flags)
            if stat.S_ISREG(os.fstat(fd).st_mode):
                return fd
            os.close(fd)
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        with contextlib.suppress(FileExistsError):
            fd = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
            os.fchmod(fd, 0o666)  # the umask must not shut other users out
            return fd
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN), str(path))


def _forget_after_fork() -> None:
    """Record locks stay with the parent, so a forked child holds none."""
    for locks in _instances:
        locks.close()


os.register_at_fork(after_in_child=_forget_after_fork)
