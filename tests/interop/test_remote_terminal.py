"""The remote terminal, from clients that others wrote."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from tests.interop.discovery import DEVICE, STATIC
from tests.interop.namespaces import Console, Process, Wire, closing, device
from tests.interop.peers import Peer

pytestmark = pytest.mark.usefixtures("leftovers")

Get = Callable[[str], Peer]
PORT = "2000"

TELNETLIB3 = """
import asyncio, sys, telnetlib3
async def main():
    reader, writer = await telnetlib3.open_connection(sys.argv[1], 2000, encoding="utf8",
                                                      connect_minwait=0.3)
    async def until(text):
        seen = ""
        while not seen.endswith(text):
            seen += await reader.read(1)
        return seen
    if sys.argv[2:]:
        await until("Password: ")
        writer.write(sys.argv[2] + "\\r\\n")
    await until("> ")
    print("echo", writer.remote_option.enabled(telnetlib3.telopt.ECHO), flush=True)
    for line in ("get bus.mode", "list"):
        writer.write(line + "\\r\\n")
        print(repr(await until("> ")), flush=True)
    writer.write("exit\\r\\n")
    print("end", repr(await reader.read()), flush=True)
asyncio.run(main())
"""


@contextmanager
def terminal(wire: Wire, *options: str) -> Iterator[Console]:
    """Start a device with a remote terminal, and bring it up."""
    given = STATIC | {"remote_terminal.enabled": "1"}
    words = [word for key, value in given.items() for word in ("--set", f"{key}={value}")]
    with device(wire, *words, *options) as (_, console):
        console.do("network_up")
        console.human()  # which the terminal goes by too
        yield console


def talk(wire: Wire, *command: str, says: str) -> str:
    """Run a client that is told what to type; return what it prints."""
    done = subprocess.run(
        ["ip", "netns", "exec", wire.peer, *command],
        input=says.encode(), capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    return done.stdout.decode("latin-1")


def test_netcat(wire: Wire, peer: Get) -> None:
    with terminal(wire):
        said = talk(
            wire, *peer("nc.openbsd").command, DEVICE, PORT, says="\nget bus.mode\nlist\nexit\n"
        )
    assert said == (
        "> \r\nReady\r\n> get bus.mode\r\ncommand\r\n"
        "> list\r\n! # Type  Info\r\n> exit\r\nSuccess\r\n> "
    )


def test_telnet(wire: Wire, peer: Get) -> None:
    with (
        terminal(wire),
        closing(Process(wire.peer, *peer("inetutils-telnet").command, DEVICE, PORT)) as telnet,
    ):
        telnet.expect("Connected to")
        telnet.say("get bus.mode")
        telnet.expect("^command")
        telnet.say("exit")
        telnet.expect("Connection closed by foreign host")


def test_telnet_with_a_password(wire: Wire, peer: Get) -> None:
    with (
        terminal(wire, "--set", "remote_terminal.password=open sesame"),
        closing(Process(wire.peer, *peer("inetutils-telnet").command, DEVICE, PORT)) as telnet,
    ):
        telnet.expect("Connected to")
        telnet.say("open simsim")
        telnet.expect("Wrong password")
        telnet.say("open sesame")
        telnet.say("get bus.mode")
        telnet.expect("^command")
        assert not any("sesame" in line for line in telnet.seen), "it was echoed"


def test_plink(wire: Wire, peer: Get) -> None:
    plink = [*peer("plink").command, "-telnet", "-batch", "-P", PORT, DEVICE]
    with terminal(wire), closing(Process(wire.peer, *plink)) as client:
        client.say("get bus.mode")
        client.expect("^command")
        client.say("list")
        client.expect("^! # Type  Info")
        client.say("exit")
        assert client.wait() == 0


@pytest.mark.parametrize("password", ["", "open sesame"])
def test_telnetlib3(wire: Wire, password: str) -> None:
    options = ("--set", f"remote_terminal.password={password}") if password else ()
    words = [password] if password else []
    with (
        terminal(wire, *options),
        closing(Process(wire.peer, sys.executable, "-c", TELNETLIB3, DEVICE, *words)) as client,
    ):
        client.expect("^echo")
        client.expect(r"^'get bus\.mode\\r\\ncommand\\r\\n> '")
        client.expect(r"^'list\\r\\n! # Type  Info\\r\\n> '")
        client.expect(r"^end ")
