"""The loop whose time is turned by hand."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tokay.testing.clock import TurnedLoop, run_turned, turned_loop

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture
def run() -> Run:
    def run(test: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=TurnedLoop) as runner:
            runner.run(test)

    return run


def test_time_stands_still(run: Run) -> None:
    async def test() -> None:
        loop = turned_loop()
        before = loop.time()
        for _ in range(10):
            await asyncio.sleep(0)
        await loop.settle()
        assert loop.time() == before

    run(test())


def test_turning_ends_at_its_time_exactly(run: Run) -> None:
    async def test() -> None:
        loop = turned_loop()
        before = loop.time()
        await loop.turn(12.5)
        assert loop.time() == before + 12.5

    run(test())


def test_timers_run_in_order_each_at_its_own_time(run: Run) -> None:
    async def test() -> None:
        loop = turned_loop()
        start, seen = loop.time(), []
        for delay in (3.0, 1.0, 2.0, 1.0):
            loop.call_later(delay, lambda: seen.append(loop.time() - start))
        await loop.turn(2.5)
        assert seen == [1.0, 1.0, 2.0]
        await loop.turn(0.5)
        assert seen == [1.0, 1.0, 2.0, 3.0]

    run(test())


def test_a_timer_that_is_due_at_the_target_has_run_and_settled(run: Run) -> None:
    async def test() -> None:
        loop = turned_loop()
        seen: list[int] = []

        async def work() -> None:
            await asyncio.sleep(10)
            for step in range(5):
                await asyncio.sleep(0)
                seen.append(step)

        task = loop.create_task(work())
        await loop.turn(10)
        assert seen == [0, 1, 2, 3, 4]
        await task

    run(test())


def test_a_timer_sets_a_timer(run: Run) -> None:
    async def test() -> None:
        loop = turned_loop()
        ticks: list[float] = []
        start = loop.time()

        async def tick() -> None:
            while True:
                await asyncio.sleep(1)
                ticks.append(loop.time() - start)

        task = loop.create_task(tick())
        await loop.turn(5)
        assert ticks == [1, 2, 3, 4, 5]
        task.cancel()

    run(test())


def test_small_turns_add_up(run: Run) -> None:
    async def test() -> None:
        loop = turned_loop()
        done = loop.create_future()
        loop.call_later(0.3, done.set_result, None)
        for _ in range(3):
            assert not done.done()
            await loop.turn(0.1)
        assert done.done()

    run(test())


def test_days_pass(run: Run) -> None:
    async def test() -> None:
        loop = turned_loop()
        done = loop.create_future()
        loop.call_later(40 * 86400.0, done.set_result, None)
        await loop.turn(39 * 86400.0)
        assert not done.done()
        await loop.turn(86400.0)
        assert done.done()

    run(test())


def test_a_timeout_strikes_when_its_time_has_come(run: Run) -> None:
    async def test() -> None:
        loop = turned_loop()

        async def wait() -> str:
            try:
                async with asyncio.timeout(30):
                    await asyncio.Event().wait()
            except TimeoutError:
                return "late"
            return "never"

        task = loop.create_task(wait())
        await loop.turn(29.999)
        assert not task.done()
        await loop.turn(0.001)
        assert task.result() == "late"

    run(test())


def test_sockets_settle_between_timers(run: Run) -> None:
    async def test() -> None:
        loop = turned_loop()
        near, far = socket.socketpair()
        near.setblocking(False)
        far.setblocking(False)
        heard: list[tuple[float, bytes]] = []
        start = loop.time()
        loop.add_reader(far, lambda: heard.append((loop.time() - start, far.recv(10))))
        loop.call_later(1, near.send, b"one")
        loop.call_later(2, near.send, b"two")
        await loop.turn(5)
        assert heard == [(1, b"one"), (2, b"two")]
        loop.remove_reader(far)
        near.close()
        far.close()

    run(test())


def test_a_pty_settles(run: Run) -> None:
    async def test() -> None:
        loop = turned_loop()
        near, far = os.openpty()
        heard: list[bytes] = []
        loop.add_reader(far, lambda: heard.append(os.read(far, 100)))
        loop.call_later(60, os.write, near, b"hello\n")
        await loop.turn(61)
        assert heard == [b"hello\n"]
        loop.remove_reader(far)
        os.close(near)
        os.close(far)

    run(test())


def test_a_tcp_connection_is_made_while_time_stands_still(run: Run) -> None:
    async def test() -> None:
        loop = turned_loop()
        before = loop.time()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"hello\n")
        assert await reader.readline() == b"hello\n"
        writer.close()
        server.close()
        await server.wait_closed()
        assert loop.time() == before

    run(test())


def test_what_another_thread_says_is_heard(run: Run) -> None:
    async def test() -> None:
        loop = turned_loop()
        said = asyncio.Event()
        thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(said.set))
        thread.start()
        await said.wait()
        assert await asyncio.to_thread(lambda: 42) == 42
        thread.join()

    run(test())


def test_two_turn_at_once(run: Run) -> None:
    async def test() -> None:
        loop = turned_loop()
        start = loop.time()

        async def turn(seconds: int) -> float:
            await loop.turn(seconds)
            return loop.time() - start

        assert list(await asyncio.gather(turn(5), turn(2), turn(5))) == [5, 2, 5]

    run(test())


def test_a_turn_that_is_given_up_turns_no_further(run: Run) -> None:
    async def test() -> None:
        loop = turned_loop()
        start = loop.time()
        turning = loop.create_task(loop.turn(100))
        loop.call_later(10, turning.cancel)
        with pytest.raises(asyncio.CancelledError):
            await turning
        assert loop.time() - start == 10
        await loop.turn(1)
        assert loop.time() - start == 11

    run(test())


def test_time_is_not_turned_back(run: Run) -> None:
    async def test() -> None:
        with pytest.raises(ValueError, match="-1"):
            await turned_loop().turn(-1)

    run(test())


def test_a_hurried_coroutine_sleeps_for_an_hour_at_once() -> None:
    async def test() -> float:
        loop = turned_loop()
        start = loop.time()
        await asyncio.sleep(3600)
        return loop.time() - start

    before = time.monotonic()
    assert run_turned(test()) == 3600
    assert time.monotonic() - before < 10


def test_a_hurried_coroutine_waits_for_descriptors_first() -> None:
    async def test() -> list[str]:
        loop = turned_loop()
        near, far = socket.socketpair()
        seen: list[str] = []
        loop.add_reader(far, lambda: seen.append(far.recv(10).decode()))
        loop.call_later(0.001, seen.append, "timer")
        near.send(b"bytes")
        await asyncio.sleep(1)
        loop.remove_reader(far)
        near.close()
        far.close()
        return seen

    assert run_turned(test()) == ["bytes", "timer"]


def test_a_hurried_coroutine_may_turn_too() -> None:
    async def test() -> list[float]:
        loop = turned_loop()
        start, seen = loop.time(), []

        async def tick() -> None:
            while True:
                await asyncio.sleep(4)
                seen.append(loop.time() - start)

        task = loop.create_task(tick())
        await loop.turn(10)
        seen.append(loop.time() - start)
        await asyncio.sleep(5)
        task.cancel()
        return seen

    assert run_turned(test()) == [4, 8, 10, 12]


def test_a_hurried_coroutine_hands_on_its_error() -> None:
    async def test() -> None:
        await asyncio.sleep(5)
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        run_turned(test())


def test_a_loop_of_real_time_is_told_apart() -> None:
    async def test() -> None:
        turned_loop()

    with pytest.raises(RuntimeError, match="real time"):
        asyncio.run(test())
