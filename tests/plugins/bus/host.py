"""The host's end of a pty, on the loop of the test."""

import asyncio
import os


class Host:
    """Opens what `Device.serial_port` names."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        os.close(self._fd)

    async def _ready(self, *, to_write: bool = False) -> None:
        add, remove = (
            (self._loop.add_writer, self._loop.remove_writer)
            if to_write
            else (self._loop.add_reader, self._loop.remove_reader)
        )
        ready = asyncio.Event()
        add(self._fd, ready.set)
        try:
            await ready.wait()
        finally:
            remove(self._fd)

    async def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._fd, view) :]
            except BlockingIOError:
                await self._ready(to_write=True)

    def send_some(self, data: bytes) -> int:
        """Write as much as goes in now; return how much."""
        done = 0
        while done < len(data):
            try:
                done += os.write(self._fd, data[done : done + 4096])
            except BlockingIOError:
                break
        return done

    async def take(self, size: int) -> bytes:
        got = bytearray()
        while len(got) < size:
            try:
                got += os.read(self._fd, min(65536, size - len(got)))
            except BlockingIOError:
                await self._ready()
        return bytes(got)
