"""DHCP exchanges a second on the soft AP by perfdhcp, beside dnsmasq, leases durable on both.

    python bench/dhcp.py

Each server has a core, and perfdhcp another. 240 clients come in random order, at one rate after
another; a server's figure is the highest rate at which it completed 95 of 100 exchanges, with
the rate completed, and the most it ever completed. Needs root; fetches what it lacks.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import takewhile
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.veth import AP, CLIENTS, dnsmasq, load, namespaces, programs, scratch, tokay

ROUNDS = 3
SECONDS = 2
FIRST, STEP, LAST = 200, 1.5, 12_000
GOOD = 0.95
GIVE_UP = 0.3  # of what was offered


class Figure(NamedTuple):
    """Exchanges a second, and milliseconds from question to answer at the highest good rate."""

    held: float
    most: float
    delay: float


def rates() -> Iterator[int]:
    rate = float(FIRST)
    yield from takewhile(lambda it: it < LAST, (int(rate * STEP**step) for step in range(99)))


def measure(namespace: str, perfdhcp: list[str]) -> Figure:
    held = most = delay = 0.0
    for rate in rates():
        options = ["-4", "-l", "eth0", "-R", str(CLIENTS), "-p", str(SECONDS), "-r", str(rate)]
        text = load(namespace, *perfdhcp, *options, AP)
        match = re.search(r"^Rate: ([\d.]+)", text, re.MULTILINE)
        if match is None:
            raise SystemExit(f"perfdhcp says nothing of a rate:\n{text}")
        done = float(match[1])
        most = max(most, done)
        if done >= GOOD * rate:
            held = done
            delay = sum(map(float, re.findall(r"avg delay: ([\d.]+)", text)))
        elif done < GIVE_UP * rate or done < 0.7 * most:
            break
    return Figure(held, most, delay)


def main() -> None:
    masq, perfdhcp = programs("dnsmasq", "perfdhcp")
    ours: list[Figure] = []
    theirs: list[Figure] = []
    with namespaces() as (server, client), scratch() as folder:
        for number in range(ROUNDS):
            sides: list[tuple[AbstractContextManager[Any], list[Figure]]] = [
                (tokay(server, folder / f"tokay{number}"), ours),
                (dnsmasq(server, folder, masq), theirs),
            ]
            for side, figures in sides:
                with side:
                    figures.append(measure(client, perfdhcp.command))
    print("| DHCP exchanges a second | Tokay | dnsmasq | ratio |")
    print("| --- | ---: | ---: | ---: |")
    for label, index in (("95 of 100 completed", 0), ("the most ever completed", 1)):
        a, b = (median(figure[index] for figure in side) for side in (ours, theirs))
        ratio = median(one[index] / two[index] for one, two in zip(ours, theirs, strict=True))
        print(f"| {label} | {a:.0f} | {b:.0f} | {ratio:.1f} |")
    a, b = (median(figure.delay for figure in side) for side in (ours, theirs))
    print(f"| ms an exchange, at the first row's rate | {a:.1f} | {b:.1f} | {a / b:.2f} |")


if __name__ == "__main__":
    main()
