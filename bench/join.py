"""CPU time of 1,000 devices in one process, from cold to joined with an address.

python bench/join.py [DEVICES]

Cold is a device that is powered off; each row is the share of one device. The passphrase is the
same for all and derived once; "first" is what that one device pays for it.
"""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable

import uvloop

from tokay import Airspace, Device
from tokay.board.air.airspace import AccessPoint
from tokay.board.storage import Storage

DEVICES = 1000
SETTINGS = {"wlan.ssid": "tokay", "wlan.passkey": "tokay-lab"}


async def measure(count: int, security: str) -> tuple[float, float, float]:
    """Return milliseconds of CPU: the first join, and a device's share of boots and of joins."""
    storage, airspace = Storage(None), Airspace()
    key = None if security == "Open" else "tokay-lab"
    airspace.add(AccessPoint("tokay", passphrase=key, subnet="127.93.0.0/16"))
    async with contextlib.AsyncExitStack() as stack:

        async def start(number: int) -> Device:
            device = Device.simulated(
                name=f"d{number}", state=storage, airspace=airspace, settings=SETTINGS
            )
            return await stack.enter_async_context(device)

        async def join(device: Device) -> None:
            assert (await device.command("network_up")).ok

        warm = await start(0)  # imports and profiles are paid once a process
        before = time.process_time()
        await join(warm)
        first = time.process_time() - before
        before = time.process_time()
        devices = [await start(number) for number in range(1, count + 1)]
        boots = time.process_time() - before
        before = time.process_time()
        await asyncio.gather(*(join(device) for device in devices))
        joins = time.process_time() - before
        assert len({device.address for device in devices}) == count
    storage.close()
    return first * 1000, boots * 1000 / count, joins * 1000 / count


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else DEVICES
    loops: dict[str, Callable[..., tuple[float, float, float]]] = {
        "asyncio": asyncio.run,
        "uvloop": uvloop.run,
    }
    print(f"{count} devices, {os.cpu_count()} cores, CPU milliseconds\n")
    print("| loop | security | first join | boot | join | cold to joined |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for name, run in loops.items():
        for security in ("Open", "WPA2-AES"):
            first, boot, join = run(measure(count, security))
            total = boot + join
            print(f"| {name} | {security} | {first:.1f} | {boot:.2f} | {join:.2f} | {total:.2f} |")


if __name__ == "__main__":
    main()
