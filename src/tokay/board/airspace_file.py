"""The airspace file: TOML, one `[[access_point]]` table for each (docs/airspace.md)."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from tokay.board.access_point import DEFAULT_SUBNET, AccessPoint, AirspaceError
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


class AirspaceTable(msgspec.Struct, forbid_unknown_fields=True):
    """The whole file."""

    access_point: list[AccessPointTable] = []


def read(path: Path) -> Iterator[tuple[str, Callable[[], AccessPoint]]]:
    """Give for each access point where it stands in the file, and what makes it.

    Making it checks the values; read only the types. Raises AirspaceError.
    """
    try:
        table = msgspec.toml.decode(path.read_bytes(), type=AirspaceTable)
    except OSError as error:
        raise AirspaceError(f"{path}: {error.strerror}") from None
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        key = where.removesuffix("`").lstrip(".")
        raise AirspaceError(f"{path}: {key}: {what}" if key else f"{path}: {what}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AirspaceError(f"{path}: {error}") from None
    for index, row in enumerate(table.access_point):
        keys = msgspec.structs.asdict(row)
        yield f"access_point[{index}]", functools.partial(AccessPoint, **keys)
