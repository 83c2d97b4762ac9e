"""Many DHCP clients behind one interface, each with a hardware address of its own.

python crowd.py CLIENTS; prints the addresses that they got and renewed, as JSON.
"""

import json
import random
import select
import socket
import sys
import time
from ipaddress import IPv4Address

from tokay.protocols import ipv4
from tokay.protocols.dhcp import DhcpClient, DhcpDatagram, LeaseBound, LeaseRenewed

LIMIT = 60.0
_ETH_P_IP = 0x0800


def main() -> None:
    count = int(sys.argv[1])
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_IP)) as wire:
        wire.bind(("eth0", _ETH_P_IP))
        wire.setsockopt(socket.SOL_SOCKET, 33, 1 << 22)  # SO_RCVBUFFORCE
        crowd(wire, count)


def crowd(wire: socket.socket, count: int) -> None:
    macs = [b"\x02\x00\x5e\x01" + number.to_bytes(2) for number in range(count)]
    clients = {
        mac: DhcpClient(mac, rng=random.Random(number), broadcast=number % 2 == 0)
        for number, mac in enumerate(macs)
    }
    bound: dict[bytes, str] = {}
    renewed: dict[bytes, str] = {}
    end = time.monotonic() + LIMIT
    for client in clients.values():
        client.start(time.monotonic())
    ahead = 0.0
    while time.monotonic() < end and len(renewed) < count:
        now = time.monotonic() + ahead
        for mac, client in clients.items():
            due = client.get_timer()
            if due is not None and due <= now:
                client.handle_timer(now)
            for outgoing in client.datagrams_to_send():
                send(wire, mac, outgoing)
            for event in client.events():
                if isinstance(event, LeaseBound):
                    bound[mac] = str(event.lease.address)
                elif isinstance(event, LeaseRenewed):
                    renewed[mac] = str(event.lease.address)
        if len(bound) == count and not ahead:
            ahead = 43_201.0  # to T1 of a lease of a day
        while select.select([wire], [], [], 0.02)[0]:
            frame = wire.recv(65536)
            hear(clients, frame, time.monotonic() + ahead)
    json.dump({"bound": list(bound.values()), "renewed": list(renewed.values())}, sys.stdout)


def send(wire: socket.socket, mac: bytes, outgoing: DhcpDatagram) -> None:
    source, destination = IPv4Address(outgoing.source), IPv4Address(outgoing.destination)
    packet = ipv4.build_udp(ipv4.Datagram(source, 68, destination, 67, outgoing.data))
    wire.send(b"\xff" * 6 + mac + _ETH_P_IP.to_bytes(2) + packet)


def hear(clients: dict[bytes, DhcpClient], frame: bytes, now: float) -> None:
    """Hand a frame to whom it is for, or to all."""
    try:
        datagram = ipv4.parse_udp(frame[14:])
    except ipv4.Ipv4Error:
        return
    if datagram.port == 68:
        mac = frame[:6]
        for client in [clients[mac]] if mac in clients else clients.values():
            client.receive(datagram.payload, now)


if __name__ == "__main__":
    main()
