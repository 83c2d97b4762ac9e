"""Modules found on ports and on the network."""

import asyncio
import json
import socket
from ipaddress import IPv4Address

import pytest

from tokay import Device
from tokay.host import discovery
from tokay.protocols.dns import (
    QR,
    DnsMessage,
    RecordType,
    ResourceRecord,
    SrvData,
    name_from_text,
)


async def test_a_port_with_a_module_and_one_without(device: Device) -> None:
    found = await discovery.scan_serial([device.serial_port, "/dev/nothing"])
    assert [(one.how, one.version[:14]) for one in found] == [("serial", "SILABS-WGM160P")]


def answer() -> bytes:
    """Return what a module's responder says."""
    service = name_from_text("_http._tcp.local")
    instance = name_from_text("gecko_os-8EA._http._tcp.local")
    host = name_from_text("gecko_os-8EA.local")
    records = (
        ResourceRecord.of_target(service, RecordType.PTR, instance, 120),
        ResourceRecord.of_service(instance, SrvData(0, 0, 8080, host), 120),
        ResourceRecord.of_address(host, IPv4Address("127.7.7.7"), 120),
    )
    return DnsMessage(0, QR, (), answers=records).encode()


async def test_announcements_and_mdns() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as announcer,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as responder,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free,
    ):
        responder.bind(("127.0.0.1", 0))
        responder.setblocking(False)
        free.bind(("127.0.0.1", 0))
        where = free.getsockname()
        free.close()
        scan = asyncio.create_task(
            discovery.scan_network(1.0, announcements=where, mdns=responder.getsockname())
        )
        _, source = await asyncio.get_running_loop().sock_recvfrom(responder, 2000)
        responder.sendto(answer(), ("127.0.0.1", source[1]))
        announcement = {"mac": "4C:55:CC:00:00:01", "ip": "127.9.9.9", "version": "ZentriOS-W-3.0"}
        for data in (b"noise", b"[]", b'{"a":1}', json.dumps(announcement).encode()):
            announcer.sendto(data, where)
        found = await scan
    assert [(one.url, one.how) for one in found] == [
        ("http://127.7.7.7:8080", "mdns"),
        ("http://127.9.9.9:80", "announcement"),
    ]


@pytest.mark.parametrize("address", ["999.1.1.1", "0.0.0.0", 7, "evil/path"])
def test_an_address_that_is_none(address: object) -> None:
    found = discovery.parse_announcement(
        json.dumps({"mac": "x", "ip": address}).encode(), "127.0.0.9"
    )
    assert found is not None
    assert found.url == "http://127.0.0.9:80"
