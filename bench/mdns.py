"""1,000 names on one link: our responder beside python-zeroconf, in one run each.

unshare -rn sh -c 'ip link set lo up; python bench/mdns.py'

In a namespace of its own, so that nobody else's multicast is answered. Both serve the names from
one process; questions come from another socket on loopback, by plain DNS, and as a browse.
"""

import asyncio
import multiprocessing
import os
import socket
import statistics
import time
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from zeroconf import IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from tokay.board.net.bound_sockets import BoundSockets
from tokay.plugins.discovery import link_responder
from tokay.protocols import mdns
from tokay.protocols.dns import DnsMessage, Question, RecordType, name_from_text

NAMES = 1000
ASKED = 200
TYPE = "_http._tcp"
TEXTS = (b"mac=4C:55:CC:00:00:01", b"version=WGM160P-4.0.0")


def resident() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def label(number: int) -> str:
    return f"gecko-{number:04x}"


async def ours() -> Callable[[], Awaitable[None]]:
    class Link:
        mac = "4C:55:CC:00:00:01"
        medium = object()

        def __init__(self, address: str) -> None:
            self._sockets = sockets
            self.address = address

        def on_link(self, _address: str) -> bool:
            return True

        def open_group(self, group: str, port: int, heard: Any) -> Any:
            return shared.setdefault(port, None) or _open(group, port, heard)

    sockets = BoundSockets("127.0.0.1", "lo")
    shared: dict[int, Any] = {}

    def _open(group: str, port: int, heard: Any) -> Any:
        shared[port] = sockets.open_group(group, port, heard)
        return shared[port]

    async def register() -> None:
        for number in range(NAMES):
            address = f"127.1.{number >> 8}.{number & 255}"
            link: Any = Link(address)
            member = link_responder.join(link, address)
            member.publish(label(number), (mdns.MdnsService(TYPE, 80, TEXTS),))
        await asyncio.sleep(1.3)

    return register


async def zeroconf() -> Callable[[], Awaitable[None]]:
    server = AsyncZeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)
    await server.zeroconf.async_wait_for_start()

    async def register() -> None:
        infos = [
            ServiceInfo(
                f"{TYPE}.local.", f"{label(number)}.{TYPE}.local.", port=80,
                addresses=[IPv4Address(f"127.1.{number >> 8}.{number & 255}").packed],
                properties=dict(text.split(b"=") for text in TEXTS),
                server=f"{label(number)}.local.",
            )
            for number in range(NAMES)
        ]  # fmt: skip
        tasks = await asyncio.gather(*(server.async_register_service(one) for one in infos))
        await asyncio.gather(*tasks)

    return register


def serve(which: str, pipe: Any) -> None:
    async def main() -> None:
        register = await {"ours": ours, "zeroconf": zeroconf}[which]()
        before, cpu, begun = resident(), time.process_time(), time.perf_counter()
        await register()
        pipe.send((
            (resident() - before) / NAMES / 1024,
            time.perf_counter() - begun,
            time.process_time() - cpu,
        ))  # fmt: skip
        cpu = time.process_time()
        while not pipe.poll():
            await asyncio.sleep(0.05)
        pipe.send(time.process_time() - cpu)
        os._exit(0)

    asyncio.run(main())


def measure(which: str) -> list[str]:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(which, there))
    process.start()
    memory, wall, cpu = here.recv()
    time.sleep(2)
    times = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(2)
        for number in range(ASKED):
            question = Question(name_from_text(f"{label(number * 5)}.local"))
            begun = time.perf_counter()
            sock.sendto(DnsMessage(1, 0, (question,)).encode(), (mdns.GROUP, mdns.PORT))
            sock.recv(9000)
            times.append(time.perf_counter() - begun)
        browse = DnsMessage(
            1, 0, (Question(name_from_text(f"{TYPE}.local"), RecordType.PTR),)
        ).encode()
        found: set[bytes] = set()
        datagrams = 0
        begun = time.perf_counter()
        asked, quiet = 0, True
        while len(found) < NAMES and time.perf_counter() - begun < 20:
            if quiet:
                sock.sendto(browse, (mdns.GROUP, mdns.PORT))
                asked += 1
                sock.settimeout(1)
            try:
                answer = DnsMessage.decode(sock.recv(65535))
                quiet = False
            except TimeoutError:
                quiet = True
                continue
            datagrams += 1
            found |= {record.data for record in answer.answers}
        whole = time.perf_counter() - begun
    here.send("end")
    spent = here.recv()
    process.join()
    return [
        which, f"{memory:.1f}", f"{wall:.2f}", f"{cpu:.2f}",
        f"{statistics.median(times) * 1000:.2f}", f"{whole * 1000:.0f}", str(len(found)),
        str(datagrams), str(asked), f"{spent:.2f}",
    ]  # fmt: skip


def main() -> None:
    print("| responder | KiB a name | s to register | CPU s | ms an answer | ms a browse | found "
          "| datagrams | asked | CPU s after |")  # fmt: skip
    print("| --- " * 10 + "|")
    for which in ("ours", "zeroconf"):
        print("| " + " | ".join(measure(which)) + " |")


if __name__ == "__main__":
    main()
