"""Identities, settings and files of devices, stored before their first boot.

A device that has stored something is left as it is: it comes back as it was when its shard ended.
The others are stored in groups, each of which is durable at once.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from tokay.board.passkey import passkey_text
from tokay.board.storage import Storage
from tokay.board.storage.store import DeviceStore
from tokay.device import Device
from tokay.fleet.certificates import Certificates
from tokay.fleet.checks import read_rows
from tokay.fleet.errors import FleetError
from tokay.fleet.identity import Identity, identity
from tokay.fleet.layout import Layout, Place
from tokay.fleet.scenario import FileSource, Group, Scenario
from tokay.fleet.template import Value, fill
from tokay.kernel.files import Location, parse_version
from tokay.kernel.profile import Profile, load
from tokay.kernel.results import CommandError
from tokay.kernel.settings import set_values

BATCH = 200
"""Devices that are stored in one go."""


class Preparation:
    """Knows the identity, the template values and the stored beginning of each device."""

    def __init__(
        self, scenario: Scenario, layout: Layout, folder: Path, server: Mapping[str, Value]
    ) -> None:
        self._scenario = scenario
        self._layout = layout
        self._folder = folder
        self._server = server
        self._rows: dict[str, list[dict[str, str]]] = {}
        self._scratch: dict[str, Device] = {}
        self._certificates = Certificates(scenario, folder)
        self._contents: dict[str, bytes] = {}

    async def store(self, storage: Storage, indexes: Sequence[int]) -> int:
        """Store what is not there yet; return how many devices were. Raises FleetError."""
        known = set(storage.devices())
        waiting = iter(indexes)
        restored = 0
        try:
            for group in self._scenario.group:
                await self._open_scratch(group)
            while batch := list(islice(waiting, BATCH)):
                with storage.group():
                    for index in batch:
                        place = self._layout.place(index)
                        if device_name(place) in known:
                            restored += 1
                        else:
                            self._store(storage, index, place)
                await asyncio.sleep(0)
        finally:
            for device in self._scratch.values():
                await device.__aexit__(None, None, None)
        return restored

    def identity(self, index: int, place: Place) -> Identity:
        """Return who a device is."""
        prefix = load(place.group.profile).mac_prefix
        return identity(self._scenario.seed, index, prefix)

    def values(self, index: int, place: Place) -> dict[str, Value]:
        """Return what the device's templates know."""
        who = self.identity(index, place)
        values: dict[str, Value] = {
            **self._server,
            "index": index,
            "number": place.number,
            "group": place.group.name,
            "name": device_name(place),
            "mac": who.mac,
            "serial": who.serial,
            "ssid": self._layout.access_points[place.access_point].ssid,
        }
        if place.group.rows:
            row = self._row(place)
            values.update({f"csv.{column}": text for column, text in row.items()})
        return values

    def settings(self, place: Place, values: Mapping[str, Value]) -> dict[str, str]:
        """Return the settings by name: the access point's, then those of the group."""
        point = self._layout.access_points[place.access_point]
        settings = {"wlan.ssid": point.ssid, "wlan.auto_join.enabled": "1"}
        if point.passphrase:
            settings["wlan.passkey"] = passkey_text(point.passphrase)
        for key, value in place.group.settings.items():
            text = str(int(value)) if isinstance(value, bool) else str(value)
            settings[key] = fill(text, values)
        return settings

    def _row(self, place: Place) -> dict[str, str]:
        name = place.group.name
        if name not in self._rows:
            self._rows[name] = list(read_rows(place.group, self._folder))
        return self._rows[name][place.number]

    async def _open_scratch(self, group: Group) -> None:
        """Open a device that settings are tried on: they are stored as it would save them."""
        if group.profile not in self._scratch:
            device = Device.simulated(profile=group.profile, name="scratch")
            self._scratch[group.profile] = await device.__aenter__()

    def _store(self, storage: Storage, index: int, place: Place) -> None:
        values = self.values(index, place)
        device = self._scratch[place.group.profile]
        stored = storage.device(device_name(place))
        variables = device.kernel.variables
        try:
            set_values(device.kernel, self.settings(place, values))
        except CommandError as error:
            reason = error.reason or error.text
            raise FleetError(f"group {place.group.name}: {reason}") from None
        try:
            stored.save(variables.saved())
            for name, content in self._files(index, place, values):
                _write(stored, device.profile, name, content)
        finally:
            for variable, word, _ in list(variables.held()):
                variables.reset(variable, word)

    def _files(
        self, index: int, place: Place, values: dict[str, Value]
    ) -> Iterator[tuple[str, bytes]]:
        group = place.group
        texts = [text for text in group.files.values() if isinstance(text, str)]
        if any(name in text for text in texts for name in ("{certificate}", "{key}", "{ca}")):
            values = {**values, **self._certificates.issue(index, str(values["serial"]))}
        for name, source in group.files.items():
            if isinstance(source, FileSource):
                if source.path not in self._contents:
                    self._contents[source.path] = (self._folder / source.path).read_bytes()
                yield name, self._contents[source.path]
            else:
                yield name, fill(source, values).encode()


def device_name(place: Place) -> str:
    """Return the name of a device, by which it is stored."""
    return f"{place.group.name}-{place.number}"


def _write(stored: DeviceStore, profile: Profile, name: str, content: bytes) -> None:
    rules = profile.files
    stored.replace(
        name,
        content,
        type=rules.default_type,
        flags=rules.valid_flag,
        version=parse_version(rules.default_version),
        location=Location.EXTENDED,
    )
