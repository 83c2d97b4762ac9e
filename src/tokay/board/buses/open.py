"""The buses of a board by what was asked for: simulated ones, a file of them, or real ones."""

from collections.abc import Sequence
from pathlib import Path

from tokay.board.buses.bus import BusError, Buses, I2cBus, SpiBus
from tokay.board.buses.simulated import MixedBuses, SimulatedBuses


def open_buses(
    simulated: SimulatedBuses | Path | str | None = None,
    *,
    i2c: Sequence[str] = (),
    spi: Sequence[str] = (),
    pace: bool = False,
) -> Buses:
    """Return the buses of a board. Call it on the running loop. Raises BusError.

    ``simulated``: buses made in Python, the path of a file of them, or None for the ready ones.
    ``i2c`` and ``spi`` name real buses (`1`, `/dev/i2c-1`, `/dev/spidev0.0`), port 0 first; if one
    of a kind is named, there are no simulated ones of that kind. ``pace``: simulated transfers take
    the time that their bits need.
    """
    if isinstance(simulated, SimulatedBuses):
        world = simulated
    elif simulated is not None:
        from tokay.board.buses.file import load  # noqa: PLC0415 - only who has a file pays

        world = load(Path(simulated))
    else:
        world = SimulatedBuses()
    world.start(pace=pace)
    if not i2c and not spi:
        return world
    from tokay.board.buses.linux_i2c import LinuxI2c  # noqa: PLC0415 - real hardware only
    from tokay.board.buses.linux_spi import LinuxSpi  # noqa: PLC0415

    real_i2c: dict[int, I2cBus] = {}
    real_spi: dict[int, SpiBus] = {}
    try:
        for port, name in enumerate(i2c):
            real_i2c[port] = LinuxI2c(name)
        for port, name in enumerate(spi):
            real_spi[port] = LinuxSpi(name)
    except BusError:
        Buses(real_i2c, real_spi).close()
        raise
    return MixedBuses(world, real_i2c, real_spi)
