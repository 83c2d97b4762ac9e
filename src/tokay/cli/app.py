"""The command line: what can be asked for. What it then does is in ``tokay.cli.run``."""

from pathlib import Path
from typing import Annotated

import typer

from tokay.cli.options import Options
from tokay.kernel.profile import DEFAULT_PROFILE, names

app = typer.Typer(
    name="tokay",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="A Gecko OS device in software: the command API of the Silicon Labs Gecko OS and "
    "ZentriOS Wi-Fi modules, over a serial port of this machine.",
)


@app.callback()
def main() -> None:
    """Take the options that stand before the command: there are none yet."""


@app.command()
def run(
    profile: Annotated[
        str,
        typer.Option(
            metavar="P", help=f"Which product to be: {', '.join(names())}, or a .toml file."
        ),
    ] = DEFAULT_PROFILE,
    name: Annotated[
        str, typer.Option(metavar="N", help="The device's name; its MAC address comes from it.")
    ] = "tokay",
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            readable=False,  # what is wrong with it is told where it is opened
            help="Keep settings and files in this folder. Without it: a folder for the device's "
            "name, below $XDG_STATE_HOME/tokay.",
        ),
    ] = None,
    ephemeral: Annotated[
        bool, typer.Option("--ephemeral", help="Keep nothing: factory settings at every start.")
    ] = False,
    serial: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PORT",
            help="Where the host talks to the device: [bold]stdio[/], [bold]pty[/] (its path is "
            "printed), [bold]pty:LINK[/] (with a symbolic link), [bold]/dev/tty...[/], "
            "[bold]tcp:HOST:PORT[/], [bold]rfc2217:HOST:PORT[/] (for drivers that set a rate) or "
            "[bold]none[/]. stdio unless --exec is given. A second one is uart1.",
        ),
    ] = None,
    pace: Annotated[
        bool,
        typer.Option(
            "--pace", help="Make the serial ports as slow as the wires they stand for: uart.baud."
        ),
    ] = False,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="VARIABLE=VALUE", help="Set a variable as if it had been saved."
        ),
    ] = None,
    execute: Annotated[
        list[str] | None,
        typer.Option(
            "--exec",
            metavar="COMMAND",
            help="Run a command and print its response; may be repeated. The first that fails "
            "ends the run with status 1. Without --serial the run ends after the last.",
        ),
    ] = None,
    airspace: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            readable=False,
            help="The access points in range, as TOML. Without it there is one: [bold]tokay[/], "
            "WPA2, passphrase [bold]tokay-lab[/].",
        ),
    ] = None,
    radio: Annotated[
        str,
        typer.Option(
            metavar="RADIO",
            help="What the device joins: [bold]simulated[/] (the access points of --airspace), "
            "[bold]wired:IFACE[/] (an Ethernet interface of this network namespace, which the "
            "device has to itself) or [bold]host[/] (the network that this machine is on).",
        ),
    ] = "simulated",
    ethernet: Annotated[
        str | None,
        typer.Option(
            metavar="ETHERNET",
            help="Give the device an Ethernet interface: [bold]simulated[/] (a cable with a "
            "network at its other end) or [bold]IFACE[/] (an interface of this network namespace, "
            "which the device has to itself).",
        ),
    ] = None,
    buses: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            readable=False,
            help="The devices on the simulated I2C and SPI buses, as TOML. Without it: a "
            "temperature sensor at 0x48, an EEPROM at 0x50, registers at 0x20, and an SPI flash.",
        ),
    ] = None,
    i2c: Annotated[
        list[str] | None,
        typer.Option(
            metavar="BUS",
            help="A real I2C bus, such as [bold]1[/] or [bold]/dev/i2c-1[/], in place of the "
            "simulated ones. A second one is port 1.",
        ),
    ] = None,
    spi: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DEVICE",
            help="A real SPI device, such as [bold]0.0[/] or [bold]/dev/spidev0.0[/], in place of "
            "the simulated ones. A second one is port 1.",
        ),
    ] = None,
    events: Annotated[
        bool,
        typer.Option(
            "--events",
            help="Write what happens to standard error, a JSON object a line: serial, note, "
            "ready, network_up, network_down, log (of --exec), off.",
        ),
    ] = False,
) -> None:
    """Start a device and run it until Ctrl-C.

    Try at its prompt: [bold]set wlan.ssid tokay[/], [bold]set wlan.passkey tokay-lab[/],
    [bold]network_up[/], [bold]help commands[/].
    """
    from tokay.cli.run import start  # noqa: PLC0415 - `--help` needs none of it

    options = Options(
        profile=profile,
        name=name,
        state=state,
        ephemeral=ephemeral,
        serial=serial or [],
        pace=pace,
        settings=setting or [],
        commands=execute or [],
        airspace=airspace,
        radio=radio,
        ethernet=ethernet,
        buses=buses,
        i2c=i2c or [],
        spi=spi or [],
        events=events,
    )
    raise typer.Exit(start(options))
