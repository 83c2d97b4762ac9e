"""Devices leave the machine by several addresses. Run by test_uplink.py in a network namespace."""

import asyncio
import json
import sys

from tokay import AccessPoint, Airspace, Device

SERVER = "10.9.0.9"
ADDRESSES = ("10.9.0.1", "10.9.0.2")


async def main() -> list[str]:
    peers: list[str] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(writer.get_extra_info("peername")[0])
        writer.close()

    server = await asyncio.start_server(accept, SERVER, 0)
    port = server.sockets[0].getsockname()[1]
    airspace = Airspace()
    point = airspace.add(AccessPoint("lab", passphrase="correct horse"))
    point.uplink_addresses = ADDRESSES
    settings = {"wlan.ssid": "lab", "wlan.passkey": "correct horse"}
    for number in range(4):
        mac = f"4C:55:CC:00:00:{2 * number:02X}"
        device = Device.simulated(name=f"d{number}", mac=mac, airspace=airspace, settings=settings)
        async with device:
            assert (await device.command(f"tcp_client {SERVER} {port}")).ok
    server.close()
    return peers


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main())))
