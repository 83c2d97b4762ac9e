"""Requests that are answered before their connection is one: the answers are the same."""

import asyncio
import socket

import pytest
from tests import peers
from tests.peers import ADDRESS
from tests.plugins.http_server.conftest import PORT, Serve, Web

from tokay.plugins.http_server import HttpServer
from tokay.plugins.http_server.connection import known_heads

VER = b"GET /command/ver HTTP/1.1\r\nHost: x\r\n\r\n"


async def early(*requests: bytes) -> list[bytes]:
    """Send requests before the device can accept their connections; return the answers."""
    socks = []
    for request in requests:
        sock = socket.create_connection((ADDRESS, PORT))
        sock.sendall(request)
        socks.append(sock)
    answers = []
    for sock in socks:
        reader, writer = await asyncio.open_connection(sock=sock)
        answers.append(await reader.read())
        writer.close()
    return answers


def known(web: Web, first: bytes) -> bytes | None:
    return web.device.kernel.plugin(HttpServer)._services["wlan"].at_once(first)


async def test_the_same_answer(web: Web) -> None:
    known_heads.clear()
    assert known(web, VER) is None  # never seen
    (first,) = await early(VER)
    again = await early(VER, VER, VER)
    for number, answer in enumerate(again, 2):
        assert answer == first.replace(b'"id":1,', b'"id":%d,' % number)


@pytest.mark.parametrize(
    "line",
    [
        b"GET /command/ver HTTP/1.1\r\nConnection: keep-alive\r\n\r\n",
        b"GET /command/network_lookup%20a HTTP/1.1\r\n\r\n",
        b"GET /command/stream_write%200%201 HTTP/1.1\r\n\r\n",
        b"GET /command/nonsense HTTP/1.1\r\n\r\n",
        b"GET /log HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"HEAD /command/ver HTTP/1.1\r\n\r\n",
        b"GET /command/ver HTTP/1.1\r\n",
    ],
)
async def test_what_is_not_for_it(web: Web, line: bytes) -> None:
    client = await web.connect()
    client.send(line if line.endswith(b"\r\n\r\n") else line + b"\r\n")
    await client.answer(head=line.startswith(b"HEAD"))
    assert known(web, line) is None


async def test_who_has_no_right_to_it(serve: Serve) -> None:
    settings = {"http.server.username": "u", "http.server.password": "p"}
    right = VER[:-2] + b"Authorization: Basic dTpw\r\n\r\n"
    wrong = VER[:-2] + b"Authorization: Basic dTpx\r\n\r\n"
    async with serve(settings) as web:
        for request in (VER, right):
            await web.say(request)
        assert known(web, VER) is None
        assert known(web, wrong) is None
        assert b"HTTP/1.1 200 OK" in (known(web, right) or b"")
    origin = VER[:-2] + b"Origin: http://b\r\n\r\n"
    async with serve({"http.server.cors_origin": "http://a"}) as web:
        assert await web.say(origin) == b""
        assert known(web, origin) is None
        answer = known(web, VER) or b""
        assert b"\r\nAccess-Control-Allow-Origin: http://a\r\n" in answer


async def test_a_command_that_fails(web: Web) -> None:
    request = b"GET /command/file_delete%20none HTTP/1.1\r\n\r\n"
    first = await web.say(request)
    assert (known(web, request) or b"").split(b'"code"')[1] == first.split(b'"code"')[1]


async def test_a_reboot_at_once(web: Web) -> None:
    request = b"GET /command/reboot HTTP/1.1\r\n\r\n"
    await web.say(request)
    await web.device.steady()
    await peers.ask(web.device, "network_up")
    (answer,) = await early(request)
    assert b'"code":0' in answer
    await web.device.steady()
