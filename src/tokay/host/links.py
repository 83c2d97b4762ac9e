"""From an address to the link that it names; what a scheme does not need is not loaded."""

from tokay.host.address import Address
from tokay.host.channel import Channel, Trace
from tokay.host.link import Link


def open_link(address: Address, trace: Trace | None) -> Link:
    """Return the link, not yet connected. Raises AddressError."""
    if address.scheme in ("http", "https"):
        from tokay.host.rest_link import RestLink  # noqa: PLC0415 - only who uses it

        return RestLink(address, trace=trace)
    if address.scheme in ("ws", "wss"):
        from tokay.host.command_stream_link import CommandStreamLink  # noqa: PLC0415

        return CommandStreamLink(address, trace=trace)
    from tokay.host.console_link import ConsoleLink  # noqa: PLC0415
    from tokay.protocols.console_client import ConsoleClient  # noqa: PLC0415

    client = ConsoleClient(
        password=address.password.encode() if address.password else None,
        break_in=address.options.get("break_in", "$$$").encode(),
        quiet=address.switch("stream"),
    )
    return ConsoleLink(open_channel(address), client, address=str(address), trace=trace)


def open_channel(address: Address) -> Channel:
    """Return the byte channel of a console, not yet connected. Raises AddressError."""
    if address.scheme in ("serial", "pty"):
        from tokay.host.serial_channel import open_serial  # noqa: PLC0415

        return open_serial(address)
    from tokay.host import network_channel as network  # noqa: PLC0415

    channels = {
        "tcp": network.TcpChannel,
        "telnet": network.TelnetChannel,
        "rfc2217": network.Rfc2217Channel,
    }
    return channels[address.scheme](address)
