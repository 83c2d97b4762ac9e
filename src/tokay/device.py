"""Device: a board, a profile and the plugins put together. The public face of the package."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from tokay.board.air.airspace import Airspace
from tokay.board.air.cable import Cable
from tokay.board.board import Board
from tokay.board.buses import BusError, Buses, SimulatedBuses, open_buses
from tokay.board.open_radio import SIMULATED, open_ethernet, open_radio
from tokay.board.pins import SimulatedPins
from tokay.board.radio import RadioError, mac_text, next_mac
from tokay.board.serial import SerialError, SerialPort, open_port
from tokay.board.storage import Storage
from tokay.kernel import faults, settings
from tokay.kernel.clock import Clock
from tokay.kernel.commands import DataBuffer
from tokay.kernel.events import NetworkDown, NetworkUp, Ready, Sleeping
from tokay.kernel.kernel import Kernel, check_names
from tokay.kernel.log import Entry, Level
from tokay.kernel.open_stream import OpenStream
from tokay.kernel.plugin import Plugin, PluginType, discover, in_order
from tokay.kernel.profile import DEFAULT_PROFILE, Profile, load
from tokay.kernel.results import Response
from tokay.kernel.storage import DeviceStorage
from tokay.options import DEFAULT_NAME, DeviceOptions, OptionError

_logger = logging.getLogger(__name__)

OnEvent = Callable[[str, dict[str, Any]], None]
Change = Callable[[], Coroutine[Any, Any, None]]
"""A change of power: made when it begins, for one that never begins must leave nothing behind."""
"""Called with `serial`, `ready`, `network_up`, `network_down` or `off`, and the facts of it."""


class Hardware(NamedTuple):
    """What a device is put together from when its power comes."""

    board: Board
    storage: DeviceStorage
    release: Callable[[], None]
    """Called when the device is off."""
    notes: Sequence[str] = ()
    """What is to be told of it, such as what became of damaged settings."""


Build = Callable[["Device"], Awaitable[Hardware]]


class DeviceOffError(RuntimeError):
    """Something was asked of a device that is off, or at once of one that sleeps."""


class Device:
    """One Gecko OS device; ``async with`` powers it on and off.

    ``build`` gives its hardware. ``preset``: settings by name, saved before the first boot.
    ``airspace`` and ``cable`` are there on a simulated board only.
    """

    def __init__(
        self,
        profile: Profile,
        build: Build,
        *,
        name: str = DEFAULT_NAME,
        preset: Mapping[str, str] | None = None,
        plugins: Sequence[PluginType] = (),
        on_event: OnEvent | None = None,
        airspace: Airspace | None = None,
        cable: Cable | None = None,
        mac: str | None = None,
    ) -> None:
        self.name = name
        self.profile = profile
        self.mac = mac_of(name, profile) if mac is None else mac_text(mac)
        self._build = build
        self._preset = preset or {}
        self._plugin_types = in_order([*built_in(), *plugins]) if plugins else built_in()
        check_names(profile, tuple(self._plugin_types))
        self.on_event = on_event
        self._airspace = airspace
        self._cable = cable
        self._hardware: Hardware | None = None
        self._kernel: Kernel | None = None
        self._clock: Clock | None = None
        self._carried: dict[str, Any] = {}
        self._change: asyncio.Task[None] | None = None
        self._halted: asyncio.Task[None] | None = None
        self._closing = False
        """Whether the device is being switched off from outside: nothing boots it again."""
        self._off: asyncio.Future[None] | None = None

    @classmethod
    def simulated(
        cls,
        *,
        profile: str = DEFAULT_PROFILE,
        name: str = DEFAULT_NAME,
        serial: str | Sequence[str] = "none",
        airspace: Airspace | None = None,
        state: Storage | Path | str | None = None,
        settings: Mapping[str, str] | None = None,
        plugins: Sequence[PluginType] = (),
        on_event: OnEvent | None = None,
        ethernet: Cable | bool = False,
        pace: bool = False,
        mac: str | None = None,
        buses: SimulatedBuses | Path | str | None = None,
    ) -> "Device":
        """Return a device on a simulated board.

        ``serial`` as for `tokay run`, one form for each port in turn; ``state`` is a folder, a
        storage that several devices share, or None for memory; ``settings`` are variables by name,
        as if they had been saved; ``ethernet`` asks for a cable, or is one that several devices
        share; ``pace`` makes the serial ports as slow as their baud rate; ``mac`` is the hardware
        address, which else follows from the name. One that another device of the airspace has is
        counted on until it is free; ``buses`` are simulated I2C and SPI buses, or the path of a
        file of them. Raises ProfileError, ValueError for a bad ``mac``, and on entering RadioError,
        BusError, SerialError, StorageError or CommandError.
        """
        return cls.on(
            SIMULATED, profile=profile, name=name, serial=serial, airspace=airspace, state=state,
            settings=settings, plugins=plugins, on_event=on_event,
            ethernet=SIMULATED if ethernet is True else ethernet or None, pace=pace, mac=mac,
            buses=buses,
        )  # fmt: skip

    @classmethod
    def on(
        cls,
        radio: str,
        *,
        profile: str = DEFAULT_PROFILE,
        name: str = DEFAULT_NAME,
        serial: str | Sequence[str] = "none",
        airspace: Airspace | None = None,
        state: Storage | Path | str | None = None,
        settings: Mapping[str, str] | None = None,
        plugins: Sequence[PluginType] = (),
        on_event: OnEvent | None = None,
        ethernet: Cable | str | None = None,
        pace: bool = False,
        mac: str | None = None,
        buses: SimulatedBuses | Path | str | None = None,
        i2c: Sequence[str] = (),
        spi: Sequence[str] = (),
    ) -> "Device":
        """Return a device on the radio that a form names, such as `wired:eth0` or `host`.

        ``ethernet`` is `simulated`, a cable, or the name of an interface; ``i2c`` and ``spi`` name
        real buses, port 0 first. The rest is as for ``simulated``; only a simulated radio has an
        airspace. Raises RadioError and BusError on entering.
        """
        air = Airspace.default() if airspace is None and radio == SIMULATED else airspace
        wire = Cable() if ethernet == SIMULATED else ethernet
        cable = wire if isinstance(wire, Cable) else None

        async def build(device: Device) -> Hardware:
            if wire is not None and not device.profile.ethernet:
                raise RadioError(f"ethernet: {device.profile.name} has none")
            storage = (
                state if isinstance(state, Storage) else Storage(Path(state) if state else None)
            )

            def release() -> None:
                if storage is not state:
                    storage.close()
                if air is not None:
                    air.release_mac(device.mac)

            if air is not None:
                device.mac = air.acquire_mac(device.mac)
            wires = Buses()
            try:
                found = open_radio(radio, device.mac, airspace=air)
                port = wire and open_ethernet(wire, next_mac(found.mac), radio=radio)
                forms = [serial] if isinstance(serial, str) else serial
                wires = open_buses(buses, i2c=i2c, spi=spi, pace=pace)
                ports = await _open_ports(forms, pace=pace)
            except (BusError, RadioError, SerialError):
                wires.close()
                release()
                raise
            if air is not None:
                air.start()
            if cable is not None:
                cable.airspace.start()
            board = Board(found, ports, SimulatedPins(device.profile.pins), port or None, wires)
            return Hardware(board, storage.device(name), release, storage.notes)

        return cls(
            load(profile), build, name=name, preset=settings, plugins=plugins, on_event=on_event,
            airspace=air, cable=cable, mac=mac,
        )  # fmt: skip

    @classmethod
    def from_options(cls, options: DeviceOptions, *, serial: str = "none") -> "Device":
        """Return the device that the options of `tokay run` describe.

        ``serial`` is its serial port where they name none. Raises what ``on`` raises, AirspaceError
        for ``options.airspace``, and OptionError for more serial ports than the product has.
        """
        forms = options.serial or [serial]
        device = cls.on(
            options.radio,
            profile=options.profile,
            name=options.name,
            serial=forms,
            airspace=Airspace.load(options.airspace) if options.airspace else None,
            state=options.state_folder(),
            settings=options.settings,
            ethernet=options.ethernet,
            pace=options.pace,
            buses=options.buses,
            i2c=options.i2c,
            spi=options.spi,
        )
        if len(forms) > device.profile.uarts:
            raise OptionError(
                f"--serial was given {len(forms)} times: {device.profile.name} has "
                f"{device.profile.uarts} serial ports"
            )
        return device

    @property
    def board(self) -> Board:
        """The hardware. Only while the power is on."""
        return self._on.board

    @property
    def airspace(self) -> Airspace:
        """The simulated radio world that the device lives in."""
        if self._airspace is None:
            message = "a real radio has no airspace"
            raise RuntimeError(message)
        return self._airspace

    @property
    def cable(self) -> Cable:
        """The simulated Ethernet cable, to be pulled and plugged."""
        if self._cable is None:
            message = "the device has no simulated cable"
            raise RuntimeError(message)
        return self._cable

    @property
    def notes(self) -> Sequence[str]:
        """What there is to tell of the hardware: one clear line each, mostly none."""
        return self._on.notes

    @property
    def _on(self) -> Hardware:
        if self._hardware is None:
            message = f"device {self.name} is off"
            raise DeviceOffError(message)
        return self._hardware

    @property
    def kernel(self) -> Kernel:
        """The kernel of this boot."""
        if self._kernel is None:
            state = "off" if self._hardware is None else "asleep or between two boots"
            message = f"device {self.name} is {state}"
            raise DeviceOffError(message)
        return self._kernel

    @property
    def log(self) -> list[Entry]:
        """The last lines of the log."""
        return self.kernel.log.entries

    @property
    def serial_port(self) -> str:
        """Where the host's end of the first serial port is."""
        ports = [port for port in self.board.ports if port is not None]
        return ports[0].description if ports else ""

    @property
    def address(self) -> str:
        """The IPv4 address of the WLAN interface, empty while it has none."""
        from tokay.plugins.network import Network  # noqa: PLC0415

        return self.kernel.plugin(Network).address("wlan")

    async def command(self, line: str | bytes, data: bytes = b"") -> Response:
        """Execute one command, with the data that follows its line, and return the response.

        Waits for a reboot or a sleep to end. Raises RuntimeError when the device is off.
        """
        await self.steady()
        raw = line if isinstance(line, bytes) else line.encode(errors="surrogateescape")
        return await self.kernel.engine.run(raw, DataBuffer(data))

    def stream(self, handle: int) -> OpenStream:
        """Return an open stream, to be read and written. Raises CommandError when there is none."""
        streams = self.kernel.streams
        return OpenStream(streams, streams.find_free(handle))

    async def __aenter__(self) -> Self:
        self._closing = False
        self._hardware = await self._build(self)
        self.mac = self._hardware.board.radio.mac
        self._off = asyncio.get_running_loop().create_future()
        self._clock = Clock(self.profile.clock_start)
        try:
            self._boot(first=True)
        except BaseException:
            await self._power_off()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing = True
        if self._change is not None:
            self._change.cancel()
            await asyncio.gather(self._change, return_exceptions=True)
        await self._power_off()

    async def steady(self) -> None:
        """Return once a reboot that has begun is over."""
        while self._change is not None and not self._change.done():
            await asyncio.wait([self._change])

    async def wait_off(self) -> None:
        """Return when the device has shut itself down or was switched off."""
        assert self._off is not None  # noqa: S101 - entered
        await asyncio.shield(self._off)

    # The power switch, as the kernel sees it.

    def reboot(self) -> None:
        """Boot anew."""
        self._begin(self._reboot)

    def sleep(self, seconds: float, pins: Sequence[int] = ()) -> None:
        """Stop; boot after that time unless it is 0, or when one of ``pins`` goes high."""
        if self._kernel is not None:
            self._kernel.events.emit(Sleeping())
        self._begin(partial(self._sleep, seconds or None, pins))

    def wake(self) -> None:
        """Boot a device that sleeps."""
        self._begin(self._reboot)

    def shutdown(self) -> None:
        """Stop for good."""
        self._begin(self._power_off)

    # Boot and halt.

    def _begin(self, change: Change) -> None:
        if self._closing:
            return
        if self._kernel is not None:
            self._kernel.halting = True
        if self._change is not None:
            self._change.cancel()
        self._change = asyncio.get_running_loop().create_task(self._carry_out(change))

    async def _carry_out(self, change: Change) -> None:
        """Make a change of power; a device that cannot come up again says so and goes off."""
        try:
            await change()
        except Exception:
            _logger.exception("%s cannot boot", self.name)
            await self._power_off()

    async def _reboot(self) -> None:
        await self._halt()
        self._boot()

    async def _sleep(self, seconds: float | None, pins: Sequence[int]) -> None:
        await self._halt()
        woken = asyncio.Event()
        board_pins = self._on.board.pins

        def wake(level: int) -> None:
            if level:
                woken.set()

        unwatch = [board_pins.watch(pin, wake) for pin in pins]
        try:
            async with asyncio.timeout(seconds):
                await woken.wait()
        except TimeoutError:
            pass
        finally:
            for end in unwatch:
                end()
        self._boot()

    async def _power_off(self) -> None:
        await self._halt()
        hardware, self._hardware = self._hardware, None
        if hardware is not None:
            await hardware.board.close()
            hardware.release()
            self._tell("off")
        if self._off is not None and not self._off.done():
            self._off.set_result(None)

    def _boot(self, *, first: bool = False) -> None:
        assert self._clock is not None  # noqa: S101 - entered
        self._clock.reboot()
        storage = self._on.storage
        safe_mode = faults.exhausted(storage)
        kernel = self._kernel = Kernel(
            name=self.name,
            mac=self.mac,
            profile=self.profile,
            plugins=self._plugin_types,
            storage=storage,
            clock=self._clock,
            control=self,
            carried=self._carried,
            safe_mode=safe_mode,
        )
        kernel.events.on(NetworkUp, lambda event: self._tell("network_up", **event._asdict()))
        kernel.events.on(NetworkDown, lambda event: self._tell("network_down", **event._asdict()))
        settings.restore(kernel)
        if first:
            settings.apply(kernel, self._preset)
            self._tell("serial", path=self.serial_port)
        for kind in self._plugin_types:
            if kind.safe_mode or not safe_mode:
                self._start(kernel, kind)
        if safe_mode:
            kernel.log.line("", Level.ALERT, bare=True)
            kernel.log.line(faults.SAFE_MODE_TEXT, Level.ALERT, bare=True)
        else:
            kernel.log.line(self.profile.version, Level.ALERT, bare=True)
            kernel.notice("initialized")
        if first:
            for note in self._on.notes:
                kernel.log.line(note, Level.ALERT)
        kernel.events.emit(Ready())
        self._tell("ready")

    def _start(self, kernel: Kernel, kind: PluginType) -> None:
        plugin = kernel.plugins[kind] = kind()
        try:
            plugin.start(kernel, self._on.board)
        except Exception:
            # A plugin that cannot start must not keep the device from its prompt; eight such
            # faults and the next boot leaves it out.
            _logger.exception("plugin %s cannot start", kind.name)
            del kernel.plugins[kind]
            faults.record(self._on.storage, f"{kind.name} Exception")

    async def _halt(self) -> None:
        """Stop the kernel. Whoever waits for that may be cancelled; the halt goes on."""
        kernel, self._kernel = self._kernel, None
        if kernel is not None:
            self._halted = asyncio.get_running_loop().create_task(self._stop_kernel(kernel))
        if self._halted is not None:
            await asyncio.shield(self._halted)
            self._halted = None

    async def _stop_kernel(self, kernel: Kernel) -> None:
        await kernel.engine.stop()
        for plugin in reversed(list(kernel.plugins.values())):
            await self._stop(plugin)
        kernel.engine.refuse()
        kernel.streams.close_all()

    async def _stop(self, plugin: Plugin) -> None:
        try:
            await plugin.stop()
        except Exception:
            _logger.exception("plugin %s cannot stop", plugin.name)

    def _tell(self, event: str, **facts: Any) -> None:
        if self.on_event is not None:
            self.on_event(event, facts)


async def _open_ports(forms: Sequence[str], *, pace: bool) -> list[SerialPort | None]:
    """Open one port for each form, or none at all. Raises SerialError."""
    ports: list[SerialPort | None] = []
    try:
        for form in forms:
            ports.append(await open_port(form, pace=pace))  # noqa: PERF401 - the opened ones are closed below
    except SerialError:
        for port in ports:
            if port is not None:
                port.close()
        raise
    return ports


@cache
def built_in() -> list[PluginType]:
    """Return the plugins of this installation, ours and others', in starting order."""
    return discover("tokay.plugins")


def mac_of(name: str, profile: Profile) -> str:
    """Return the hardware address of a device: always the same for its name and product."""
    digest = hashlib.sha256(f"{profile.product} {name}".encode()).digest()
    return ":".join((profile.mac_prefix, *(f"{byte:02X}" for byte in digest[:3])))
