"""The airspace file: TOML with access points, and a script of events (docs/airspace.md)."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tokay.board.air.access_point import DEFAULT_SUBNET, AccessPoint, AirspaceError
from tokay.board.air.fault_events import AnyFaultEvent, validation_text
from tokay.board.security import Security

if TYPE_CHECKING:
    from tokay.board.air.airspace import Airspace


class AccessPointTable(msgspec.Struct, forbid_unknown_fields=True):
    """The keys of one access point, as `AccessPoint` explains them."""

    ssid: str
    bssid: str | None = None
    channel: int = 6
    security: Security | None = None
    passphrase: str | None = None
    rssi: int = -48
    subnet: str = str(DEFAULT_SUBNET)
    hidden: bool = False
    hosts: dict[str, str] = {}
    uplink: bool = True
    handshake_timeout: float = 0.0


class AirspaceTable(msgspec.Struct, forbid_unknown_fields=True):
    """The whole file."""

    seed: int = 0
    access_point: list[AccessPointTable] = []
    event: list[AnyFaultEvent] = []

    def entries(self, airspace: "Airspace") -> Iterator[tuple[str, Callable[[], Any]]]:
        """Give for each table where it stands in the file, and what adds it.

        Adding checks the values; reading checked only the types.
        """
        for index, row in enumerate(self.access_point):
            keys = msgspec.structs.asdict(row)
            yield f"access_point[{index}]", functools.partial(_add, airspace, keys)
        for index, event in enumerate(self.event):
            yield f"event[{index}]", functools.partial(airspace.script.add, event)


def _add(airspace: "Airspace", keys: dict[str, Any]) -> None:
    airspace.add(AccessPoint(**keys))


def read(path: Path) -> AirspaceTable:
    """Read a file. Raises AirspaceError."""
    try:
        return msgspec.toml.decode(path.read_bytes(), type=AirspaceTable)
    except OSError as error:
        raise AirspaceError(f"{path}: {error.strerror}") from None
    except msgspec.ValidationError as error:
        raise AirspaceError(f"{path}: {validation_text(error)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AirspaceError(f"{path}: {error}") from None
