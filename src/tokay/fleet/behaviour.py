"""What the host beside a device does, written in Python: a coroutine function by name."""

import importlib
import inspect
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

from tokay.device import Device
from tokay.fleet.errors import FleetError

Behaviour = Callable[[Device, int, Random], Awaitable[None]]


def find_behaviour(name: str, folder: Path) -> Behaviour:
    """Return the coroutine function that `module:function` names. Raises FleetError.

    Modules beside the scenario are found as well as installed ones.
    """
    module_name, _, function_name = name.partition(":")
    if not module_name or not function_name:
        raise FleetError(f"{name}: use module:function")
    place = str(folder.resolve())
    if place not in sys.path:
        sys.path.insert(0, place)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # noqa: BLE001 - somebody else's module
        raise FleetError(f"{name}: cannot be imported: {error!r}") from None
    function = getattr(module, function_name, None)
    if not inspect.iscoroutinefunction(function):
        raise FleetError(f"{name}: {module_name} has no coroutine function {function_name}")
    return function
