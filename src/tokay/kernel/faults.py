"""Faults: eight recorded ones bring the device up in safe mode.

Source: docs/protocol/command-protocol.md, section 13.
"""

import contextlib

from tokay.kernel.storage import DeviceStorage

MAX_FAULTS = 8
SAFE_MODE_TEXT = "*** Max faults exceeded. Entering Safe Mode."
FAULTS = "faults"
FORCED = "Forced"
EMPTY = "None"


def recorded(storage: DeviceStorage) -> list[str]:
    """Return the recorded faults, oldest first."""
    text = storage.facts().get(FAULTS, "")
    return text.split("\n") if text else []


def exhausted(storage: DeviceStorage) -> bool:
    """Whether the next boot is one into safe mode."""
    return len(recorded(storage)) >= MAX_FAULTS


def record(storage: DeviceStorage, *kinds: str) -> None:
    """Add faults. A storage that cannot keep them loses no more than that."""
    with contextlib.suppress(OSError):
        faults = (recorded(storage) + list(kinds))[-MAX_FAULTS:]
        storage.set_facts({FAULTS: "\n".join(faults)})


def force(storage: DeviceStorage) -> None:
    """Make the next boot one into safe mode."""
    record(storage, *[FORCED] * MAX_FAULTS)


def reset(storage: DeviceStorage) -> None:
    """Forget all faults."""
    storage.set_facts({FAULTS: None})


def rows(storage: DeviceStorage) -> list[str]:
    """Return the eight rows of `faults_print`."""
    faults = recorded(storage)
    return [
        f"{number}: {faults[number]}, uhandle:00 bhandle:00"
        if number < len(faults)
        else f"{number}: {EMPTY}"
        for number in range(MAX_FAULTS)
    ]
