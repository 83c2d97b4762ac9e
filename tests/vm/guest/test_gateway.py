"""A gateway in use: `tokay run --config`, a host program on its UART, a server on the air."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.vm.guest.air import GATEWAY, PASSPHRASE, Home, Phone, wait_for

SERVICE = 10.0
"""Seconds in which a gateway is back in service."""
MAX_RESIDENT = 60 << 10
"""KiB of a gateway, its programs apart."""

SERVER = """
import socket, sys, threading
listener = socket.create_server(("0.0.0.0", int(sys.argv[1])))
print("ready", flush=True)
while True:
    peer, _ = listener.accept()
    print("accepted", flush=True)
    def echo(peer=peer):
        with peer:
            while data := peer.recv(65536):
                peer.sendall(data)
    threading.Thread(target=echo, daemon=True).start()
"""


@contextmanager
def gateway(folder: Path, **options: object) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a gateway on a pty, which is linked as `uart` in the folder."""
    lines = [f'radio = "wpa:wlan1"\nstate = "{folder}/state"\nserial = "pty:{folder}/uart"\n[set]']
    lines += [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in options.items()]
    (folder / "gateway.toml").write_text("\n".join(lines))
    process = subprocess.Popen(
        [sys.executable, "-m", "tokay", "run", "--config", folder / "gateway.toml"]
    )
    try:
        wait_for((folder / "uart").exists)
        yield process
    finally:
        process.kill()
        process.wait()
        (folder / "uart").unlink(missing_ok=True)


class HostProgram:
    """A host MCU in machine format: it writes a line and reads a block."""

    def __init__(self, path: Path) -> None:
        self.line = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.line)
        self._held = b""

    def close(self) -> None:
        os.close(self.line)

    def read(self, count: int, limit: float = 60.0) -> bytes:
        until = time.monotonic() + limit
        while len(self._held) < count:
            assert select.select([self.line], [], [], max(0, until - time.monotonic()))[0], (
                f"{count} bytes did not come: {self._held!r}"
            )
            self._held += os.read(self.line, 65536)
        taken, self._held = self._held[:count], self._held[count:]
        return taken

    def command(self, text: str, data: bytes = b"", limit: float = 60.0) -> tuple[int, bytes]:
        """Send a command and what follows it; return the code of its response, and its data."""
        os.write(self.line, text.encode() + b"\r\n" + data)
        while True:
            head = self.read(1, limit)
            if head not in b"RL":
                continue  # left over from a boot
            match = re.fullmatch(rb"(\d)(\d{5})\r\n", self.read(8, limit))
            assert match is not None, head
            data = self.read(int(match[2]), limit)
            if head == b"R":
                return int(match[1]), data.strip()


def resident(pid: int) -> int:
    """Return the resident memory of a process, KiB."""
    match = re.search(r"^VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert match is not None
    return int(match[1])


def test_a_host_program_on_the_uart_reaches_a_server_over_the_air(
    home: Home, untouched: None, tmp_path: Path
) -> None:
    home.serve(security="wpa3")
    home.start(sys.executable, "-c", SERVER, "7000")
    passkey = PASSPHRASE.replace("\\", "\\\\")
    options = {
        "wlan.ssid": "home", "wlan.passkey": passkey, "wlan.auto_join.enabled": True,
        "wlan.auto_join.retries": 0, "wlan.auto_join.retry_delay": 0,
        "system.cmd.format": "machine",
    }  # fmt: skip
    with gateway(tmp_path, **options) as process:
        host = HostProgram(tmp_path / "uart")
        wait_for(lambda: host.command("get wlan.network.status")[1] == b"2", 60)
        code, handle = host.command(f"tcp_client {GATEWAY} 7000")
        assert (code, handle) == (0, b"0")
        # The way through the stream commands: what goes out comes back.
        sent, got = os.urandom(1024).hex().encode(), b""
        assert host.command(f"stream_write 0 {len(sent)}", sent)[0] == 0
        while len(got) < len(sent):
            got += host.command(f"stream_read 0 {len(sent)}")[1]
        assert got == sent
        print(f"resident: {resident(process.pid)} KiB")
        assert resident(process.pid) < MAX_RESIDENT
        # The device is killed: another start, the same state, the same host program.
        process.send_signal(signal.SIGKILL)
        process.wait()
        host.close()
    began = time.monotonic()
    with gateway(tmp_path, **options) as process:
        host = HostProgram(tmp_path / "uart")
        wait_for(lambda: host.command("get wlan.network.status")[1] == b"2", 60)
        took = time.monotonic() - began
        print(f"killed, back in service after {took:.1f} s")
        assert host.command("get wlan.ssid") == (0, b"home")
        host.close()
        process.terminate()
        assert process.wait(20) == 0


def test_a_join_takes_as_long_as_by_hand(home: Home, phone: Phone, tmp_path: Path) -> None:
    """Compare with wpa_supplicant and a DHCP client, scan and all."""
    home.serve()
    frequencies = " ".join(str(2407 + 5 * channel) for channel in range(1, 14))
    phone.control("REMOVE_NETWORK all")
    began = time.monotonic()
    number = phone.control("ADD_NETWORK")
    for name, text in {
        "ssid": b"home".hex(), "psk": f'"{PASSPHRASE}"', "scan_freq": frequencies,
    }.items():  # fmt: skip
        assert phone.control(f"SET_NETWORK {number} {name} {text}") == "OK"
    phone.control(f"SELECT_NETWORK {number}")
    wait_for(phone.joined)
    phone.address()
    by_hand = time.monotonic() - began
    checked = time.monotonic()
    phone.address("-a450")  # which is as long as ours asks whether somebody has the address
    checked = time.monotonic() - checked
    passkey = PASSPHRASE.replace("\\", "\\\\")
    options = {"wlan.ssid": "home", "wlan.passkey": passkey, "system.cmd.format": "machine"}
    with gateway(tmp_path, **options):
        host = HostProgram(tmp_path / "uart")
        assert host.command("wlan_scan")[0] == 0  # wpa_supplicant runs, as the phone's does
        began = time.monotonic()
        assert host.command("network_up")[0] == 0
        ours = time.monotonic() - began
        host.close()
    print(f"join by hand {by_hand:.2f} s, ours {ours:.2f} s: {ours / by_hand:.2f}")
    print(f"DHCP by hand with the address checked: {checked:.2f} s")
    assert ours < 3 * by_hand


def test_nothing_is_lost_between_the_uart_and_the_air(home: Home, tmp_path: Path) -> None:
    """Send through stream mode to a server that sends it back, and compare."""
    size = int(os.environ.get("TOKAY_BRIDGED_MB", "2")) << 20
    home.serve()
    home.start(sys.executable, "-c", SERVER, "7000")
    options = {
        "wlan.ssid": "home", "wlan.passkey": PASSPHRASE.replace("\\", "\\\\"),
        "wlan.auto_join.enabled": True, "bus.mode": "stream", "tcp.client.auto_start": True,
        "tcp.client.auto_interface": "wlan", "tcp.client.remote_host": GATEWAY,
        "tcp.client.remote_port": 7000, "system.print_level": 0,
    }  # fmt: skip
    with gateway(tmp_path, **options):
        program = Path(sys.executable).name
        wait_for(lambda: "accepted" in home.log(program), 60)
        line = os.open(tmp_path / "uart", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(line)
        block = os.urandom(65536)
        began, sent, got = time.monotonic(), 0, 0
        while got < size:
            readable, writable, _ = select.select([line], [line] if sent < size else [], [], 60)
            assert readable or writable, f"stuck after {got} bytes"
            if readable:
                data = os.read(line, 65536)
                at = got % len(block)
                assert (block + block + block)[at : at + len(data)] == data
                got += len(data)
            if writable and sent - got < 1 << 18:
                at = sent % len(block)
                sent += os.write(line, block[at : at + min(4096, size - sent)])
        os.close(line)
        took = time.monotonic() - began
        print(f"{size >> 20} MB there and back in {took:.0f} s: {size / took / 1e6:.2f} MB/s")
