"""Radios by name: what `--radio NAME` and `--radio NAME:OPTIONS` take (docs/links.md).

Every radio registers in the entry point group `tokay.radios` (docs/add-a-radio.md), ours in
pyproject.toml. A radio is imported when it is asked for.

`--ethernet` takes `simulated`, a cable without hardware, or the name of an interface.
"""

from collections.abc import Callable

from tokay.board.air.airspace import Airspace
from tokay.board.air.cable import Cable
from tokay.board.air.radio import SimulatedRadio
from tokay.board.radio import Radio, RadioError, RadioOptionError

ENTRY_POINTS = "tokay.radios"
SIMULATED = "simulated"

RadioOpener = Callable[[str, str], Radio]
"""What an entry point names: called with the text behind `NAME:` ("" if there is none) and with a
MAC address for a radio that has none of its own. Raises RadioError."""


def open_radio(form: str, mac: str, *, airspace: Airspace | None = None) -> Radio:
    """Return the radio that `NAME` or `NAME:OPTIONS` names.

    ``mac`` is for a radio without an address of its own, ``airspace`` for the simulated one. Raises
    RadioError, also for hardware that is missing and privileges that this process lacks.
    """
    if airspace is not None:
        if form != SIMULATED:
            raise RadioError(f"radio {form}: only a simulated radio has an airspace")
        return SimulatedRadio(airspace, mac)
    name, _, options = form.partition(":")
    try:
        return _find(form, name)(options, mac)
    except RadioOptionError as error:
        raise RadioError(f"radio {form}: {error}") from None


def radio_names() -> list[str]:
    """Return the names of the registered radios."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow, and for real radios alone

    return sorted(point.name for point in entry_points(group=ENTRY_POINTS))


def _find(form: str, name: str) -> RadioOpener:
    """Import and return the opener of a registered radio. Raises RadioError."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow, and for real radios alone

    points = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    point = points.get(name)
    if point is None:
        known = ", ".join(sorted(points)) or "none"
        raise RadioError(f"radio {form}: no such radio (there is {known})")
    try:
        opener: RadioOpener = point.load()
    except Exception as error:  # a stranger's import may raise anything
        raise RadioError(f"radio {form}: {point.value} cannot be loaded: {error}") from error
    return opener


def open_ethernet(form: Cable | str, mac: str, *, radio: str = SIMULATED) -> Radio:
    """Return a device's end of a simulated cable, or the interface that a form names.

    ``mac`` is for a simulated one, ``radio`` the form of the board's radio. Raises RadioError as
    `open_radio` does.
    """
    if isinstance(form, Cable):
        return form.connect(mac)
    # Imported here: a simulated device does not pay for it.
    from tokay.board.wired.open import is_ifname, open_interface  # noqa: PLC0415

    if not is_ifname(form):
        raise RadioError(f"ethernet {form}: use simulated or the name of an interface")
    kind, _, names = radio.partition(":")
    if kind == "wired" and form in names.split(","):
        raise RadioError(f"ethernet {form}: the radio has that interface")
    try:
        return open_interface(form)
    except RadioOptionError as error:
        raise RadioError(f"ethernet {form}: {error}") from None
