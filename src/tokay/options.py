"""The options of `tokay run`, in one table.

Each field of ``RunOptions`` is an option of the command line, named in the field's own name unless
``rename`` says otherwise; those of ``DeviceOptions`` are also what ``Device.from_options`` takes.
``title`` is what help shows for the value, ``description`` the help itself.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from tokay.kernel.profile import DEFAULT_PROFILE, names

DEFAULT_NAME = "tokay"
STDIO = "stdio"


# Dots alone would be a folder above the one for states.
_NAME = r"(?!\.+$)[A-Za-z0-9._-]{1,63}"


class OptionError(ValueError):
    """An option with a value that cannot be used, or options that exclude each other."""


class DeviceOptions(msgspec.Struct, frozen=True, kw_only=True, rename={"settings": "set"}):
    """What a device is made of."""

    profile: Annotated[
        str,
        Meta(title="P", description=f"Which product to be: {', '.join(names())}, or a .toml file."),
    ] = DEFAULT_PROFILE
    name: Annotated[
        str, Meta(title="N", description="The device's name; its MAC address comes from it.")
    ] = DEFAULT_NAME
    state: Annotated[
        str | None,
        Meta(
            title="DIR",
            description="Keep settings and files in this folder. Without it: a folder for the "
            "device's name, below $XDG_STATE_HOME/tokay.",
        ),
    ] = None
    ephemeral: Annotated[
        bool, Meta(description="Keep nothing: factory settings at every start.")
    ] = False
    serial: Annotated[
        list[str],
        Meta(
            title="PORT",
            description="Where the host talks to the device: stdio, pty (its path is printed), "
            "pty:LINK (with a symbolic link), /dev/tty..., tcp:HOST:PORT, rfc2217:HOST:PORT (for "
            "drivers that set a rate) or none. stdio unless --exec is given. A second one is "
            "uart1.",
        ),
    ] = []
    pace: Annotated[
        bool,
        Meta(description="Make the serial ports as slow as the wires they stand for: uart.baud."),
    ] = False
    settings: Annotated[
        Mapping[str, str],
        Meta(title="VARIABLE=VALUE", description="Set a variable as if it had been saved."),
    ] = {}
    airspace: Annotated[
        str | None,
        Meta(
            title="FILE",
            description="The access points in range, as TOML. Without it there is one: tokay, "
            "WPA2, passphrase tokay-lab.",
        ),
    ] = None
    radio: Annotated[
        str,
        Meta(
            title="RADIO",
            description="What the device joins: simulated (the access points of --airspace), "
            "wpa:IFACE (a real radio of this machine), wired:IFACE (an Ethernet interface of this "
            "network namespace, which the device has to itself) or host (the network that this "
            "machine is on).",
        ),
    ] = "simulated"
    ethernet: Annotated[
        str | None,
        Meta(
            title="ETHERNET",
            description="Give the device an Ethernet interface: simulated (a cable with a network "
            "at its other end) or IFACE (an interface of this network namespace, which the device "
            "has to itself).",
        ),
    ] = None

    buses: Annotated[
        str | None,
        Meta(
            title="FILE",
            description="The devices on the simulated I2C and SPI buses, as TOML. Without it: a "
            "temperature sensor at 0x48, an EEPROM at 0x50, registers at 0x20, and an SPI flash.",
        ),
    ] = None
    i2c: Annotated[
        list[str],
        Meta(
            title="BUS",
            description="A real I2C bus, such as 1 or /dev/i2c-1, in place of the simulated ones. "
            "A second one is port 1.",
        ),
    ] = []
    spi: Annotated[
        list[str],
        Meta(
            title="DEVICE",
            description="A real SPI device, such as 0.0 or /dev/spidev0.0, in place of the "
            "simulated ones. A second one is port 1.",
        ),
    ] = []

    def __post_init__(self) -> None:
        if not re.fullmatch(_NAME, self.name):
            message = "takes 1-63 letters, digits, dots, dashes and underscores, not dots alone"
            raise OptionError(f"--name {message}")
        if self.ephemeral and self.state is not None:
            message = "--state and --ephemeral exclude each other"
            raise OptionError(message)
        if self.serial.count(STDIO) > 1:
            message = "--serial stdio can be given once"
            raise OptionError(message)

    def state_folder(self) -> Path | None:
        """Return where settings and files are kept; None for nowhere."""
        if self.ephemeral:
            return None
        if self.state is not None:
            return Path(self.state)
        home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        return Path(home) / "tokay" / self.name


class RunOptions(DeviceOptions, frozen=True, kw_only=True, rename={"commands": "exec"}):
    """What `tokay run` does with a device."""

    commands: Annotated[
        list[str],
        Meta(
            title="COMMAND",
            description="Run a command and print its response; may be repeated. The first that "
            "fails ends the run with status 1. Without --serial the run ends after the last.",
        ),
    ] = []
    events: Annotated[
        bool,
        Meta(
            description="Write what happens to standard error, a JSON object a line: serial, note, "
            "ready, network_up, network_down, log (of --exec), off.",
        ),
    ] = False
