"""What `tokay run` was asked for."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
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
    events: bool
