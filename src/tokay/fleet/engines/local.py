"""Shards as child processes of this one."""

import asyncio
import contextlib
import sys
from pathlib import Path

from tokay.fleet.control import StreamChannel
from tokay.fleet.errors import FleetError

END_LIMIT = 10.0
"""Seconds that a process has to end by itself before it is killed."""
COMMAND = (sys.executable, "-m", "tokay.fleet.shard.program")


class LocalEngine:
    """One child a shard. What they write to standard error goes to ``logs``, a file each."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._processes: dict[int, asyncio.subprocess.Process] = {}

    async def open(self) -> None:
        try:
            self._logs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FleetError(f"{self._logs}: {error.strerror}") from None

    async def start(self, shard: int) -> StreamChannel:
        with (self._logs / f"shard-{shard}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *COMMAND,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._processes[shard] = process
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
        return StreamChannel(process.stdout, process.stdin.transport)

    def pid(self, shard: int) -> int:
        """Return the process id of a shard."""
        return self._processes[shard].pid

    async def kill(self, shard: int) -> None:
        process = self._processes.pop(shard, None)
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def close(self) -> None:
        for shard, process in list(self._processes.items()):
            if process.stdin is not None:
                process.stdin.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(END_LIMIT):
                    await process.wait()
            await self.kill(shard)
