"""Memory of 1,000 idle devices in one process, beyond the first; alone and joined.

python bench/memory.py
"""

import asyncio
import contextlib
import gc
import os
from pathlib import Path

from tokay import Airspace, Device
from tokay.board.storage import Storage

DEVICES = 1000
PAGE = os.sysconf("SC_PAGE_SIZE")


def resident() -> int:
    """Resident memory of this process, in bytes."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * PAGE


async def measure(*, joined: bool) -> float:
    """Return bytes a device."""
    storage, airspace = Storage(None), Airspace.default()
    settings = {"wlan.ssid": "tokay", "wlan.passkey": "tokay-lab"}
    async with contextlib.AsyncExitStack() as stack:

        async def start(number: int) -> None:
            device = Device.simulated(
                name=f"d{number}", state=storage, airspace=airspace, settings=settings
            )
            await stack.enter_async_context(device)
            if joined:
                assert (await device.command("network_up")).ok

        for number in range(20):
            await start(number)
        before = resident()
        for number in range(20, 20 + DEVICES):
            await start(number)
        used = (resident() - before) / DEVICES
        print(f"| {'joined' if joined else 'idle'} | {used / 1024:.1f} |")
    storage.close()
    return used


async def main() -> None:
    print("| a device | KB |")
    print("| --- | --- |")
    await measure(joined=False)
    await measure(joined=True)


if __name__ == "__main__":
    asyncio.run(main())
