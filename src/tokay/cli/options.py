"""What `tokay run` was asked for."""

from pathlib import Path
from typing import NamedTuple


class Options(NamedTuple):
    """The options of `tokay run`, as given."""

    profile: str
    name: str
    state: Path | None
    ephemeral: bool
    serial: list[str]
    pace: bool
    settings: list[str]
    commands: list[str]
    airspace: Path | None
    radio: str
    ethernet: str | None
    buses: Path | None
    i2c: list[str]
    spi: list[str]
    events: bool
