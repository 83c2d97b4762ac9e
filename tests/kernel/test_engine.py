"""The engine: one command at a time, each answered once, whatever its handler does."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from tests.dialogue import Talk

from tokay.kernel.commands import Call, DataBuffer, command
from tokay.kernel.engine import MAX_WAITING
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import CommandError, Response, Result
from tokay.kernel.streams import MAX_STREAMS, TextStream


@command("now", "", "[word...]")
def now(call: Call) -> str:
    """Answer at once."""
    return " ".join(call.rest) or "now"


@command("wait", "w", "seconds", limit=60)
async def wait(call: Call) -> str:
    """Answer later."""
    call.log(f"waiting {call['seconds']}")
    await asyncio.sleep(float(call["seconds"]))
    return f"waited {call['seconds']}"


@command("boom", "", "[word...]")
def boom(_call: Call) -> str:
    """Have a bug."""
    raise LookupError("a bug")


@command("late_boom", "", "[word...]")
async def late_boom(_call: Call) -> str:
    """Have a bug, later."""
    await asyncio.sleep(1)
    raise LookupError("a bug")


@command("refuse")
async def refuse(_call: Call) -> str:
    """Refuse, later."""
    await asyncio.sleep(1)
    raise CommandError(Result.BAD_ARGS, text="Not that")


@command("cancelled")
async def cancelled(_call: Call) -> str:
    """Wait for something that is given up by another."""
    other = asyncio.ensure_future(asyncio.sleep(100))
    asyncio.get_running_loop().call_later(1, other.cancel)
    await other
    return "never"


@command("follow")
def follow(call: Call) -> str:
    """Do something once the response is out."""
    call.after.append(lambda: call.kernel.log.line("after"))
    return "before"


@command("stumble")
def stumble(call: Call) -> str:
    """Have a bug once the response is out."""

    def fall() -> None:
        raise LookupError("a bug")

    call.after.append(fall)
    return "before"


@command("late_stumble")
async def late_stumble(call: Call) -> str:
    """The same, later."""
    await asyncio.sleep(1)
    return stumble.handler(call)  # type: ignore[return-value]


@command("nothing")
def nothing(_call: Call) -> None:
    """Succeed without a word."""


@command("raw")
def raw(_call: Call) -> bytes:
    """Give bytes."""
    return b"\xff\x00\r\n"


class Tools(Plugin):
    name = "tools"
    commands = (
        now, wait, boom, late_boom, refuse, cancelled, follow, stumble, late_stumble, nothing, raw,
    )  # fmt: skip


@pytest.fixture
def talk() -> Iterator[Talk]:
    with Talk(bare=True, plugins=[Tools]) as talk:
        yield talk


class Asker:
    """Several front ends at once: who was answered, with what, in which order."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.answers: list[tuple[str, str]] = []
        self.responses: dict[str, Response] = {}

    def ask(self, *questions: tuple[str, str]) -> None:
        async def ask() -> None:
            for name, line in questions:
                source = DataBuffer(name=name)
                self.talk.kernel.engine.submit(line.encode(), source, self._note(name))
            await self.talk.loop.settle()

        self.talk.run(ask())

    def _note(self, name: str) -> Any:
        def note(response: Response) -> None:
            assert name not in self.responses, "answered twice"
            self.responses[name] = response
            self.answers.append((name, response.text))

        return note


@pytest.fixture
def asker(talk: Talk) -> Asker:
    return Asker(talk)


def test_answers(talk: Talk) -> None:
    async def ask(line: bytes) -> Response:
        return await talk.kernel.engine.run(line, DataBuffer())

    assert talk.run(ask(b"now then")).data == b"then"
    assert talk.run(ask(b"nothing")).data == b"Success"
    assert talk.run(ask(b"raw")).data == b"\xff\x00\r\n"
    assert talk.run(ask(b"")).code is Result.UNKNOWN_COMMAND


def test_a_command_that_waits_for_nothing_is_answered_at_once(asker: Asker) -> None:
    async def ask() -> None:
        asker.talk.kernel.engine.submit(b"now", DataBuffer(), asker._note("a"))
        assert asker.answers == [("a", "now")]

    asker.talk.run(ask())


def test_commands_take_turns(asker: Asker) -> None:
    asker.ask(("uart", "wait 5"), ("rest", "now"), ("socket", "wait 3"), ("python", "now"))
    assert asker.answers == []
    asker.talk.turn(5)
    assert asker.answers == [("uart", "waited 5"), ("rest", "now")]
    asker.ask(("late", "now"))
    asker.talk.turn(3)
    assert asker.answers[2:] == [("socket", "waited 3"), ("python", "now"), ("late", "now")]


def test_a_response_carries_the_log_of_its_own_command(asker: Asker) -> None:
    asker.ask(("a", "wait 1"), ("b", "wait 2"), ("c", "now"))
    asker.talk.turn(3)
    assert asker.responses["a"].log == ["waiting 1"]
    assert asker.responses["b"].log == ["waiting 2"]
    assert asker.responses["c"].log == []


def test_a_command_is_given_up_at_its_limit(asker: Asker) -> None:
    asker.ask(("a", "wait 1000"))
    asker.talk.turn(40)
    asker.ask(("b", "now"))
    asker.talk.turn(19.9)
    assert asker.answers == []
    asker.talk.turn(0.2)
    assert asker.answers == [("a", "Command failed"), ("b", "now")]
    assert "wait timed out" in [entry.text for entry in asker.talk.kernel.log.entries]


def test_a_line_waits_so_long_for_its_turn(asker: Asker) -> None:
    asker.ask(("a", "wait 50"), ("b", "now"))
    asker.talk.turn(15)
    asker.ask(("c", "now"))
    asker.talk.turn(14.9)
    assert asker.answers == []
    asker.talk.turn(0.3)
    assert asker.answers == [("b", "Command failed")]
    assert "Busy: now has waited too long" in [one.text for one in asker.talk.kernel.log.entries]
    asker.talk.turn(20)
    assert asker.answers[1] == ("c", "Command failed")


@pytest.mark.parametrize("line", ["boom hush", "late_boom hush"])
def test_a_bug_is_logged_and_the_device_goes_on(asker: Asker, line: str) -> None:
    asker.ask(("a", line), ("b", "now"))
    asker.talk.turn(1)
    assert asker.answers == [("a", "Command failed"), ("b", "now")]
    assert asker.responses["a"].code is Result.FAILED
    [error] = asker.talk.errors
    assert error.startswith(line.split(maxsplit=1)[0] + " failed")
    assert "hush" not in error
    asker.talk.errors.clear()


def test_a_refusal_has_its_code_and_text(asker: Asker) -> None:
    asker.ask(("a", "refuse"), ("b", "now"))
    asker.talk.turn(1)
    assert asker.answers == [("a", "Not that"), ("b", "now")]
    assert asker.responses["a"].code is Result.BAD_ARGS


def test_what_a_command_waits_for_may_be_given_up(asker: Asker) -> None:
    asker.ask(("a", "cancelled"), ("b", "now"))
    asker.talk.turn(1)
    assert asker.answers == [("a", "Command failed"), ("b", "now")]


def test_what_comes_after_the_response_comes_before_the_next_command(asker: Asker) -> None:
    asker.ask(("a", "wait 1"), ("b", "follow"), ("c", "now"))
    asker.talk.turn(1)
    assert asker.answers == [("a", "waited 1"), ("b", "before"), ("c", "now")]
    assert asker.responses["b"].log == []
    assert asker.responses["c"].log == []
    assert asker.talk.kernel.log.entries[-1].text == "after"


@pytest.mark.parametrize("line", ["stumble", "late_stumble"])
def test_a_bug_after_the_response_does_not_stop_the_queue(asker: Asker, line: str) -> None:
    asker.ask(("x", "wait 1"), ("a", line), ("b", "now"), ("c", "wait 1"))
    asker.talk.turn(5)
    assert asker.answers[1:] == [("a", "before"), ("b", "now"), ("c", "waited 1")]
    assert len(asker.talk.errors) == 1
    asker.talk.errors.clear()


def test_the_queue_is_bounded(asker: Asker) -> None:
    asker.ask(("first", "wait 1"), *((str(number), "now") for number in range(MAX_WAITING + 3)))
    assert [name for name, _ in asker.answers] == [
        str(number) for number in range(MAX_WAITING, MAX_WAITING + 3)
    ]
    assert {r.code for r in asker.responses.values()} == {Result.BUFFER_OVERFLOW}
    asker.talk.turn(1)
    assert len(asker.answers) == MAX_WAITING + 4
    assert asker.answers[3] == ("first", "waited 1")
    assert [name for name, _ in asker.answers[4:]] == [str(n) for n in range(MAX_WAITING)]


def test_whoever_asks_may_go_away(talk: Talk) -> None:
    async def ask() -> Response:
        gone = talk.loop.create_task(talk.kernel.engine.run(b"wait 5", DataBuffer()))
        await talk.loop.turn(1)
        gone.cancel()
        return await talk.loop.turn_until(talk.kernel.engine.run(b"now", DataBuffer()))

    assert talk.run(ask()).text == "now"


def test_stopping_answers_everybody(asker: Asker) -> None:
    asker.ask(("a", "wait 50"), ("b", "now"), ("c", "wait 1"))
    asker.talk.run(asker.talk.kernel.engine.stop())
    assert asker.answers == [("a", "Command failed")]
    asker.talk.kernel.engine.refuse()
    assert sorted(asker.answers) == [(name, "Command failed") for name in ("a", "b", "c")]
    asker.ask(("d", "now"))
    assert asker.answers[-1] == ("d", "Command failed")
    asker.talk.turn(100)
    assert len(asker.answers) == 4


def test_a_listing_without_a_free_stream() -> None:
    with Talk() as talk:
        talk.ask("set system.cmd.buffered 1")
        talk.run(_fill(talk.kernel))
        assert talk.answer("ls") == (1, "Command failed")
        assert talk.answer("get bus.mode") == (0, "command")


async def _fill(kernel: Kernel) -> None:
    for _ in range(MAX_STREAMS):
        kernel.streams.open(TextStream("x", b"text"))


def test_many_front_ends_of_a_device() -> None:
    with Talk() as talk:

        async def ask() -> list[str]:
            lines = [f"set time.zone {hour}" for hour in range(10)] + ["get time.zone"] * 10
            answers = await asyncio.gather(*(talk.device.command(line) for line in lines))
            return [answer.text for answer in answers]

        assert talk.run(ask()) == ["Set OK"] * 10 + ["9"] * 10
