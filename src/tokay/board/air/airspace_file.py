"""The airspace file: TOML with access points, and a script of events (docs/airspace.md)."""

from pathlib import Path

import msgspec

from tokay.board.air.access_point import DEFAULT_SUBNET, AccessPoint, AirspaceError
from tokay.board.air.fault_events import AnyFaultEvent, validation_text
from tokay.board.security import Security


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

    def make(self) -> AccessPoint:
        """Return the access point, which checks the values. Raises AirspaceError."""
        return AccessPoint(**msgspec.structs.asdict(self))


class AirspaceTable(msgspec.Struct, forbid_unknown_fields=True):
    """The whole file. Reading checks the types only; adding to an airspace checks the values."""

    seed: int = 0
    access_point: list[AccessPointTable] = []
    event: list[AnyFaultEvent] = []


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
