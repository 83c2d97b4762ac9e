"""Durable saves a second, alone and in groups, beside a bare sqlite3 loop on the same disk."""

import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tokay.board.storage import Storage

SETTINGS = {f"wlan.setting.{number}": f"value {number}" for number in range(20)}
ROUNDS = 300
GROUP = 100
FLEET = 2000


def bare(folder: Path) -> Callable[[int], None]:
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE s (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID")

    def save(number: int) -> None:
        connection.execute("BEGIN")
        connection.execute("DELETE FROM s")
        rows = [*SETTINGS.items(), ("n", str(number))]
        connection.executemany("INSERT INTO s VALUES (?, ?)", rows)
        connection.execute("COMMIT")

    return save


def rate(save: Callable[[int], None], rounds: int = ROUNDS, each: int = 1) -> float:
    save(-1)
    start = time.perf_counter()
    for number in range(rounds):
        save(number)
    return rounds * each / (time.perf_counter() - start)


def main() -> None:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        base = rate(bare(folder))
        rows = [("bare sqlite3", base)]
        with Storage(folder / "one") as storage:
            device = storage.device("one")
            rows.append(("save", rate(lambda n: device.save({**SETTINGS, "n": str(n)}))))
            rows.append(("save, nothing changed", rate(lambda _: device.save(device.settings()))))
            rows.append(("set_facts", rate(lambda n: device.set_facts({"faults": str(n)}))))
        with Storage(folder / "fleet") as storage:
            fleet = [storage.device(f"device-{number}") for number in range(FLEET)]

            def grouped(number: int) -> None:
                first = number * GROUP % FLEET
                with storage.group():
                    for device in fleet[first : first + GROUP]:
                        device.save({**SETTINGS, "n": str(number)})

            with storage.group():
                for device in fleet:
                    device.save(SETTINGS)
            rows.append((f"save, of {FLEET}", rate(lambda n: fleet[n].save({"n": str(n)}))))
            rows.append((f"save, groups of {GROUP}", rate(grouped, 50, GROUP)))
        start = time.perf_counter()
        Storage(folder / "fleet").close()
        opening = time.perf_counter() - start

    print(f"{'':24}{'a second':>12}{'ratio':>9}")
    for label, value in rows:
        print(f"{label:24}{value:12.0f}{value / base:9.2f}")
    print(f"opening and checking {FLEET} devices: {opening * 1000:.0f} ms")


if __name__ == "__main__":
    main()
