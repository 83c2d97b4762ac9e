"""DNS answers a second on the soft AP by dnsperf, beside dnsmasq, over the same wire.

    python bench/dns_server.py

Each server has one core, and dnsperf another. Needs root; fetches what it lacks.
"""

import re
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.veth import AP, dnsmasq, load, namespaces, programs, scratch, tokay

ROUNDS = 3
SECONDS = 2
QUESTIONS = {
    "its own name": "setup.com A\n",
    "a name that is not": "".join(f"n{number}.example A\n" for number in range(5000)),
}


def measure(namespace: str, dnsperf: list[str], questions: Path) -> float:
    options = ["-s", AP, "-d", str(questions), "-l", str(SECONDS), "-c", "8", "-q", "100"]
    text = load(namespace, *dnsperf, *options)
    match = re.search(r"Queries per second: +([\d.]+)", text)
    lost = re.search(r"Queries lost: +(\d+)", text)
    if match is None or lost is None:
        raise SystemExit(f"dnsperf gives no rate:\n{text}")
    if int(lost[1]) > 200:
        print(f"{lost[1]} questions were lost", file=sys.stderr)
    return float(match[1])


def main() -> None:
    masq, dnsperf = programs("dnsmasq", "dnsperf")
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in QUESTIONS}
    with namespaces() as (server, client), scratch() as folder:
        files = {name: folder / f"questions{number}" for number, name in enumerate(QUESTIONS)}
        for name, file in files.items():
            file.write_text(QUESTIONS[name])
        for number in range(ROUNDS):
            sides: list[AbstractContextManager[Any]] = [
                tokay(server, folder / f"tokay{number}"),
                dnsmasq(server, folder, masq),
            ]
            for index, side in enumerate(sides):
                with side:
                    for name, file in files.items():
                        found[name][index].append(measure(client, dnsperf.command, file))
    print("| DNS answers a second | Tokay | dnsmasq | ratio |")
    print("| --- | ---: | ---: | ---: |")
    for name, (ours, theirs) in found.items():
        ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
        print(f"| {name} | {median(ours):.0f} | {median(theirs):.0f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
