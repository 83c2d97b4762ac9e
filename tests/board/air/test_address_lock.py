import errno
import fcntl
import gc
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.board.air.address_lock import (
    SCAN_LIFETIME,
    AddressLocks,
    local_addresses,
    process_address_locks,
)

ADDRESS = IPv4Address("127.77.9.1")
OTHER = IPv4Address("127.77.9.2")

HOLDER = """
import pathlib, sys
from ipaddress import IPv4Address
from tokay.board.air.address_lock import AddressLocks
claims = AddressLocks(pathlib.Path(sys.argv[1]))
print([claims.acquire(IPv4Address(address)) for address in sys.argv[2:]], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def lock_file(tmp_path: Path) -> Path:
    return tmp_path / "claims"


@pytest.fixture
def claims(lock_file: Path) -> Iterator[AddressLocks]:
    claims = AddressLocks(lock_file)
    yield claims
    claims.close()


def holder(lock_file: Path, *addresses: IPv4Address) -> "subprocess.Popen[str]":
    """Start another process that takes addresses and waits."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock_file), *map(str, addresses)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_an_address_is_taken_once(claims: AddressLocks) -> None:
    assert not claims.in_use(ADDRESS)
    assert claims.acquire(ADDRESS)
    assert claims.in_use(ADDRESS)
    assert not claims.acquire(ADDRESS)
    assert not claims.in_use(OTHER)
    claims.release(ADDRESS)
    claims.release(ADDRESS)
    assert not claims.in_use(ADDRESS)
    assert claims.acquire(ADDRESS)


def test_another_process_keeps_its_addresses_until_it_dies(
    claims: AddressLocks, lock_file: Path
) -> None:
    assert claims.acquire(OTHER)
    with holder(lock_file, ADDRESS, OTHER) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "[True, False]\n"
        assert claims.in_use(ADDRESS)
        assert not claims.acquire(ADDRESS)
        process.kill()  # without a chance to tidy up
        process.wait()
        assert not claims.in_use(ADDRESS)
        assert claims.acquire(ADDRESS)


def test_neighbours_stay_claimed_when_one_is_freed(claims: AddressLocks, lock_file: Path) -> None:
    # The kernel keeps adjacent locks as one range and has to split it.
    run = [IPv4Address(int(ADDRESS) + n) for n in range(3)]
    assert all(claims.acquire(address) for address in run)
    claims.release(run[1])
    with holder(lock_file, *run) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "[False, True, False]\n"
        process.kill()


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_foreign_socket_takes_its_address(claims: AddressLocks, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as foreign:
        foreign.bind((str(ADDRESS), 0))
        if kind is socket.SOCK_STREAM:
            foreign.listen()
        assert claims.in_use(ADDRESS)
        assert not claims.acquire(ADDRESS)
        assert not claims.in_use(OTHER)


def test_a_mapped_address_on_an_ipv6_socket_counts(claims: AddressLocks) -> None:
    try:
        foreign = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    except OSError:
        pytest.skip("this kernel has no IPv6")
    with foreign:
        foreign.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        foreign.bind((f"::ffff:{ADDRESS}", 0))
        foreign.listen()
        assert claims.in_use(ADDRESS)


def test_proc_is_read_once_a_second(lock_file: Path) -> None:
    now = 100.0
    claims = AddressLocks(lock_file, clock=lambda: now)
    assert not claims.in_use(ADDRESS)
    with socket.create_server((str(ADDRESS), 0)):
        now += SCAN_LIFETIME * 0.9
        assert not claims.in_use(ADDRESS)
        now += SCAN_LIFETIME * 0.1
        assert claims.in_use(ADDRESS)
    claims.close()


def test_our_own_sockets_do_not_outlive_the_claim(lock_file: Path) -> None:
    now = 100.0
    claims = AddressLocks(lock_file, clock=lambda: now)
    assert claims.acquire(ADDRESS)
    with socket.create_server((str(ADDRESS), 0)):
        now += SCAN_LIFETIME
        assert not claims.in_use(OTHER)  # reads /proc/net while our socket is there
    claims.release(ADDRESS)
    assert claims.acquire(ADDRESS)
    claims.close()


HEADER = (
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt"
    "   uid  timeout inode\n"
)


@pytest.mark.skipif(sys.byteorder != "little", reason="the lines are from a little-endian machine")
@given(st.lists(st.tuples(st.ip_addresses(v=4), st.booleans())))
def test_the_socket_table_is_read_line_by_line(
    tmp_path_factory: pytest.TempPathFactory, sockets: list[tuple[IPv4Address, bool]]
) -> None:
    lines = [
        f"{n:4}: {address.packed[::-1].hex().upper()}:1F90 00000000:0000 {'0A' if owned else '06'}"
        f" 00000000:00000000 00:00000000 00000000  1000        0 {6570 if owned else 0} 1 0000\n"
        for n, (address, owned) in enumerate(sockets)
    ]
    proc_net = tmp_path_factory.mktemp("net")
    (proc_net / "tcp").write_text(HEADER + "".join(lines))
    assert local_addresses(proc_net) == {
        int(address) for address, owned in sockets if owned and address.is_loopback
    }


def test_without_proc_nothing_is_foreign(tmp_path: Path) -> None:
    assert local_addresses(tmp_path) == set()


def test_the_lock_file_is_for_every_user(claims: AddressLocks, lock_file: Path) -> None:
    before = os.umask(0o077)
    try:
        assert claims.acquire(ADDRESS)
    finally:
        os.umask(before)
    assert stat.S_IMODE(lock_file.stat().st_mode) == 0o666
    assert lock_file.stat().st_size == 0


def make_symlink(path: Path) -> None:
    path.symlink_to("/dev/null")


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("trap", [make_symlink, make_fifo, Path.mkdir])
def test_a_trap_in_place_of_the_lock_file_is_not_followed(
    lock_file: Path, caplog: pytest.LogCaptureFixture, trap: Callable[[Path], None]
) -> None:
    trap(lock_file)
    claims = AddressLocks(lock_file)
    assert claims.acquire(ADDRESS)
    assert not claims.acquire(ADDRESS)
    claims.release(ADDRESS)
    assert not claims.in_use(ADDRESS)
    assert len(caplog.records) == 1
    assert "seen only by their sockets" in caplog.text
    claims.close()


def test_processes_that_create_the_file_at_once_share_it(
    lock_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_open = os.open

    def lose_the_race(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT:
            os.close(real_open(path, flags, mode))
            raise FileExistsError(errno.EEXIST, "lost")
        return real_open(path, flags, mode)

    monkeypatch.setattr(os, "open", lose_the_race)
    claims = AddressLocks(lock_file)
    assert claims.acquire(ADDRESS)
    with holder(lock_file, ADDRESS) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "[False]\n"
        process.kill()
    claims.close()


def test_a_forked_child_holds_nothing(claims: AddressLocks) -> None:
    assert claims.acquire(ADDRESS)
    if (child := os.fork()) == 0:
        os._exit(0 if claims.in_use(ADDRESS) and not claims.acquire(ADDRESS) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert claims.in_use(ADDRESS)


def test_one_descriptor_holds_every_claim(claims: AddressLocks) -> None:
    assert claims.acquire(ADDRESS)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for n in range(1000):
        assert claims.acquire(IPv4Address("127.77.100.0") + n)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_another_lock_error_is_not_taken_for_a_claim(
    claims: AddressLocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "lockf", fail)
    with pytest.raises(OSError, match="no locks"):
        claims.acquire(ADDRESS)


def test_the_process_has_one() -> None:
    assert process_address_locks() is process_address_locks()


def test_what_nobody_has_any_more_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Devices of other programs of this machine may have the address.
    monkeypatch.setattr("tokay.board.air.address_lock.local_addresses", set)
    path = tmp_path / "claims"
    claims = AddressLocks(path)
    assert claims.acquire(IPv4Address("127.77.0.9"))

    def is_open() -> bool:
        return any(fd.resolve() == path for fd in Path("/proc/self/fd").iterdir())

    assert is_open()
    del claims
    gc.collect()
    assert not is_open()
