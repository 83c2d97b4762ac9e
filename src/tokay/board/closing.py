"""Close a connection and not wait for its peer for ever."""

import asyncio


def close_then_abort(transport: asyncio.Transport, limit: float) -> None:
    """Close; abort what the peer has not read after ``limit`` seconds.

    What was written before still goes out. May be called on a transport that is closing.
    """
    transport.close()
    if transport.get_write_buffer_size():
        asyncio.get_running_loop().call_later(limit, _abort_unsent, transport)


def _abort_unsent(transport: asyncio.Transport) -> None:
    # One that has sent all is closed, and asyncio's takes an abort badly then.
    if transport.get_write_buffer_size():
        transport.abort()
