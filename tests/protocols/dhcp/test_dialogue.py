"""Clients and a server on a network that loses and delays, all by plain calls."""

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokay.protocols.dhcp import (
    DhcpClient,
    DhcpDatagram,
    DhcpMessage,
    DhcpServer,
    LeaseBound,
    LeaseExpired,
    LeaseRefused,
    LeaseRenewed,
    ServerConfig,
)

CONFIG = ServerConfig(
    address=IPv4Address("10.10.10.1"),
    netmask=IPv4Address("255.255.255.0"),
    gateway=IPv4Address("10.10.10.1"),
    dns=(IPv4Address("10.10.10.1"),),
    pool_first=IPv4Address("10.10.10.2"),
    pool_last=IPv4Address("10.10.10.250"),
    lease_time=3600,
)
DAY = 86_400.0


@dataclass
class Network:
    """One server, some clients, a clock that only turns when it is told to."""

    server: DhcpServer
    clients: list[DhcpClient]
    seed: int = 0
    loss: float = 0.0
    delay: float = 0.01
    now: float = 0.0
    heard: list[tuple[int, object]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.flying: list[tuple[float, int, DhcpClient | None, bytes]] = []
        self.order: Iterator[int] = count()

    def send(self, to: DhcpClient | None, outgoing: DhcpDatagram) -> None:
        kind = DhcpMessage.decode(outgoing.data).message_type
        assert kind is not None
        lost = self.rng.random() < self.loss
        self.said.append(f"{kind.name}{' lost' if lost else ''}")
        if not lost:
            due = self.now + self.rng.uniform(0, self.delay)
            heapq.heappush(self.flying, (due, next(self.order), to, outgoing.data))

    def collect(self) -> None:
        for number, client in enumerate(self.clients):
            for outgoing in client.datagrams_to_send():
                self.send(None, outgoing)
            self.heard += [(number, event) for event in client.events()]

    def run(self, until: float) -> None:
        """Let everything happen that happens before `until`."""
        self.collect()
        while True:
            timers = [t for c in self.clients if (t := c.get_timer()) is not None]
            flying = [self.flying[0][0]] if self.flying else []
            self.now = max(self.now, min(timers + flying, default=until))
            if self.now >= until:
                self.now = until
                return
            while self.flying and self.flying[0][0] <= self.now:
                _, _, to, data = heapq.heappop(self.flying)
                if to is not None:
                    to.receive(data, self.now)
                    continue
                for answer in self.server.receive(data, self.now):
                    for client in self.clients:  # a shared medium: everyone hears everything
                        self.send(client, answer)
            for client in self.clients:
                client.handle_timer(self.now)
            self.collect()
            self.check()

    def check(self) -> None:
        """No two clients hold one address."""
        held = [
            lease.address
            for client in self.clients
            if (lease := client.lease) is not None and self.now < lease.expires_at
        ]
        assert len(held) == len(set(held))


def clients(number: int, seed: int = 0) -> list[DhcpClient]:
    rng = random.Random(seed)
    return [DhcpClient((0x020000000000 + n).to_bytes(6), rng=rng) for n in range(number)]


def test_four_messages_make_a_lease() -> None:
    network = Network(DhcpServer(CONFIG), clients(1))
    network.clients[0].start(0.0)
    network.run(until=10.0)
    assert network.said == ["DISCOVER", "OFFER", "REQUEST", "ACK"]
    ((_, event),) = network.heard
    assert isinstance(event, LeaseBound)
    assert str(event.lease.address) == "10.10.10.2"


@pytest.mark.parametrize("seed", range(30))
def test_a_third_lost_still_joins(seed: int) -> None:
    network = Network(DhcpServer(CONFIG), clients(1, seed), seed=seed, loss=0.33)
    network.clients[0].start(0.0)
    network.run(until=120.0)
    assert [type(event) for _, event in network.heard] == [LeaseBound]


def test_thirty_days_of_renewals() -> None:
    network = Network(DhcpServer(replace(CONFIG, lease_time=86_400)), clients(1))
    network.clients[0].start(0.0)
    network.run(until=30 * DAY)
    events = [event for _, event in network.heard]
    assert isinstance(events[0], LeaseBound)
    assert all(isinstance(event, LeaseRenewed) for event in events[1:])
    assert len(events) == 60, "every half day"
    assert network.said.count("DISCOVER") == 1
    assert network.said.count("REQUEST") == network.said.count("ACK") == 60


def test_thirty_days_with_a_tenth_lost_keep_the_address() -> None:
    network = Network(DhcpServer(CONFIG), clients(2), seed=5, loss=0.1)
    for client in network.clients:
        client.start(0.0)
    network.run(until=30 * DAY)
    kinds = {type(event) for _, event in network.heard}
    assert kinds == {LeaseBound, LeaseRenewed}
    addresses = {
        (number, event.lease.address)
        for number, event in network.heard
        if isinstance(event, LeaseBound | LeaseRenewed)
    }
    assert len(addresses) == 2


def test_the_server_is_replaced_and_refuses() -> None:
    network = Network(DhcpServer(CONFIG), clients(1))
    network.clients[0].start(0.0)
    network.run(until=10.0)
    network.server = DhcpServer(
        replace(
            CONFIG,
            address=IPv4Address("10.10.20.1"),
            pool_first=IPv4Address("10.10.20.2"),
            pool_last=IPv4Address("10.10.20.9"),
        )
    )
    network.run(until=3600.0)
    kinds = [type(event) for _, event in network.heard]
    assert kinds == [LeaseBound, LeaseRefused, LeaseBound], (
        "the new server was heard when rebinding"
    )
    lease = network.clients[0].lease
    assert lease is not None
    assert str(lease.address) == "10.10.20.2"


def test_the_server_goes_away() -> None:
    network = Network(DhcpServer(CONFIG), clients(1))
    network.clients[0].start(0.0)
    network.run(until=10.0)
    network.loss = 1.0
    network.run(until=4000.0)
    assert [type(event) for _, event in network.heard] == [LeaseBound, LeaseExpired]
    network.loss = 0.0
    network.run(until=4020.0)
    assert network.clients[0].lease is not None, "found again within one back-off"


def test_declined_then_another() -> None:
    network = Network(DhcpServer(CONFIG), clients(1))
    (client,) = network.clients
    client.start(0.0)
    network.run(until=1.0)
    client.decline(1.0)
    network.run(until=20.0)
    assert network.said[4:] == ["DECLINE", "DISCOVER", "OFFER", "REQUEST", "ACK"]
    assert client.lease is not None
    assert str(client.lease.address) == "10.10.10.3"


def test_many_clients_on_a_bad_network_all_get_an_address_of_their_own() -> None:
    network = Network(DhcpServer(CONFIG), clients(60), seed=3, loss=0.3, delay=0.5)
    for client in network.clients:
        client.start(0.0)
    network.run(until=120.0)
    held = {client.lease.address for client in network.clients if client.lease is not None}
    assert len(held) == 60


def test_more_clients_than_addresses() -> None:
    small = replace(CONFIG, pool_last=IPv4Address("10.10.10.4"))
    network = Network(DhcpServer(small), clients(5))
    for client in network.clients:
        client.start(0.0)
    network.run(until=100.0)
    holders = [client for client in network.clients if client.lease is not None]
    assert len(holders) == 3
    holders[0].release(100.0)
    network.run(until=120.0)
    assert sum(client.lease is not None for client in network.clients) == 3


ACTS = st.sampled_from(["start", "resume", "release", "decline", "stop", "wait"])


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    loss=st.sampled_from([0.0, 0.1, 0.5]),
    delay=st.sampled_from([0.01, 1.0, 20.0]),
    lease_time=st.sampled_from([10, 60, 600]),
    script=st.lists(st.tuples(st.integers(0, 5), ACTS, st.integers(0, 60)), max_size=20),
)
def test_two_clients_never_share_an_address(
    seed: int, loss: float, delay: float, lease_time: int, script: list[tuple[int, str, int]]
) -> None:
    config = replace(CONFIG, pool_last=IPv4Address("10.10.10.5"), lease_time=lease_time)
    network = Network(DhcpServer(config), clients(6, seed), seed, loss, delay)
    for client in network.clients:
        client.start(0.0)
    for number, act, pause in script:
        client, now = network.clients[number], network.now
        match act:
            case "start":
                client.start(now)
            case "resume" if lease := client.lease:
                client.resume(lease, now)
            case "release" if delay < 1:
                # A RELEASE overtaken by the same client's next DISCOVER frees what it then
                # has: RFC 2131 has no cure, so only the quick network plays this.
                client.release(now)
            case "decline":
                client.decline(now)
            case "stop":
                client.stop()
        network.run(until=now + pause)
