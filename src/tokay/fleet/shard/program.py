"""The process of a shard: `tokay fleet shard`.

The control connection is standard input and output. It ends when its input does: a run that was
killed leaves no orphan. What a behaviour prints goes to standard error.
"""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable

from tokay.fleet.control import Failed, StreamChannel
from tokay.fleet.errors import FleetError
from tokay.fleet.limits import raise_descriptors
from tokay.fleet.shard.shard import serve
from tokay.fleet.shard.watchdog import Watchdog

GC_THRESHOLD = 50_000
"""Allocations between two collections of young objects: a fleet makes many that stay."""


def main() -> int:
    """Run a shard on the standard descriptors; return the exit status."""
    incoming, outgoing = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run, which then says stop
    prepare_process()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_main(incoming, outgoing))


def prepare_process() -> None:
    """Set this process up for many devices: descriptors, and rare garbage collections."""
    gc.set_threshold(GC_THRESHOLD, 20, 100)
    gc.freeze()
    raise_descriptors()


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop where there is uvloop: it is several times faster."""
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _main(incoming: int, outgoing: int) -> int:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 20)
    source, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(incoming, "rb", 0)
    )
    sink, sent = await loop.connect_write_pipe(_Output, os.fdopen(outgoing, "wb", 0))
    channel = StreamChannel(reader, sink)
    watchdog = Watchdog(loop)
    watchdog.start()
    try:
        await serve(channel)
    except FleetError as error:
        channel.send(Failed(str(error)))
    finally:
        watchdog.stop()
        channel.close()
        source.close()
        await sent.closed
    return 0


class _Output(asyncio.BaseProtocol):
    """Standard output; ``closed`` is done when all that was written is sent, or nobody reads."""

    def __init__(self) -> None:
        self.closed = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


if __name__ == "__main__":
    sys.exit(main())
