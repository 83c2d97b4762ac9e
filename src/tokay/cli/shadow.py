"""Play a transcript's host to a software device, and show where the answers differ."""

import argparse
import asyncio
import difflib
import json
import re
from collections.abc import Sequence
from pathlib import Path

from tokay.cli.module_command import DONE, NOT_ASKED, REFUSED
from tokay.cli.output import say
from tokay.host.address import parse_address
from tokay.host.channel import Channel
from tokay.host.errors import ModuleError, shown
from tokay.host.links import open_channel
from tokay.host.transcript import Exchange, TranscriptError, exchanges, read_transcript

QUIET = 0.3
"""Seconds of silence after which an answer that differs is taken to be whole."""
LIMIT = 10.0
# What two modules never have in common.
_OWN = (
    (re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}"), "<mac>"),
    (re.compile(r"\d{4}-\d\d-\d\d \| \d\d:\d\d:\d\d"), "<time>"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `tokay shadow`."""
    parser.add_argument("transcript", type=Path, help="what `tokay tap` wrote")
    parser.add_argument("--profile", default="gecko-os-4", help="the product that answers")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def main(arguments: argparse.Namespace) -> int:
    """Print each difference; status 1 when there is one."""
    try:
        with arguments.transcript.open(encoding="utf-8") as file:
            dialogue = exchanges(read_transcript(file))
        answers = asyncio.run(play(dialogue, arguments.profile))
    except (ModuleError, TranscriptError, OSError, ValueError) as error:
        say(str(error))
        return NOT_ASKED
    found = [
        {"sent": exchange.sent.decode("latin-1"), "lines": lines}
        for exchange, answer in zip(dialogue, answers, strict=True)
        if (lines := difference(exchange.answer, answer))
    ]
    if arguments.json:
        print(json.dumps({
            "code": int(bool(found)), "text": f"{len(found)} of {len(dialogue)} differ",
            "exchanges": len(dialogue), "differences": found,
        }))  # fmt: skip
    else:
        for one in found:
            print(f"> {shown(str(one['sent']).encode('latin-1'))}")
            print("\n".join(f"  {line}" for line in one["lines"]))
        print(f"{len(found)} of {len(dialogue)} answers differ (- module, + {arguments.profile})")
    return REFUSED if found else DONE


async def play(dialogue: Sequence[Exchange], profile: str) -> list[bytes]:
    """Return what a device of a profile answers to each turn of the host."""
    from tokay.device import Device  # noqa: PLC0415 - slow, and only once the transcript is good

    answers = []
    async with Device.simulated(profile=profile, serial="pty") as device:
        channel = open_channel(parse_address(f"pty:{device.serial_port}"))
        received = _Received(channel)
        await channel.open()
        try:
            for exchange in dialogue:
                channel.write(exchange.sent)
                answers.append(await received.answer(exchange.answer))
        finally:
            await channel.close()
    return answers


class _Received:
    """Collects what a channel brings."""

    def __init__(self, channel: Channel) -> None:
        self._data = bytearray()
        self._more = asyncio.Event()
        channel.on_data = self._take

    def _take(self, data: bytes) -> None:
        self._data += data
        self._more.set()

    async def answer(self, expected: bytes) -> bytes:
        """Return an answer: as soon as it is what is expected, or when no more comes."""
        deadline = asyncio.get_running_loop().time() + LIMIT
        while not _same(self._data, expected):
            self._more.clear()
            left = deadline - asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout(min(QUIET if self._data else LIMIT / 4, left)):
                    await self._more.wait()
            except TimeoutError:
                break
        data = bytes(self._data)
        self._data.clear()
        return data


def _lines(data: bytes | bytearray) -> list[str]:
    text = data.decode("latin-1")
    for pattern, stand_in in _OWN:
        text = pattern.sub(stand_in, text)
    return [repr(line)[1:-1] for line in text.replace("\r\n", "\n").split("\n") if line]


def _same(one: bytes | bytearray, other: bytes) -> bool:
    return len(one) == len(other) and _lines(one) == _lines(other)


def difference(module: bytes, device: bytes) -> list[str]:
    """Return the lines that differ: `-` of the module, `+` of the device."""
    rows = difflib.ndiff(_lines(module), _lines(device))
    found = [row for row in rows if not row.startswith("?")]
    return found if any(row[0] in "+-" for row in found) else []
