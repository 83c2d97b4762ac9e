import random
from dataclasses import replace
from ipaddress import IPv4Address
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.protocols.dhcp import (
    INFINITE,
    DhcpClient,
    DhcpDatagram,
    DhcpMessage,
    Lease,
    LeaseBound,
    LeaseExpired,
    LeaseRefused,
    LeaseRenewed,
    MessageType,
)
from tokay.protocols.dhcp.states import Init, Rebinding, Renewing, Requesting, Selecting

D, O, R, A, N = (  # noqa: E741
    MessageType.DISCOVER,
    MessageType.OFFER,
    MessageType.REQUEST,
    MessageType.ACK,
    MessageType.NAK,
)
MAC = bytes.fromhex("4c55cc001122")
ADDRESS = 0x0A0A0A07
SERVER = 0x0A0A0A01


@pytest.fixture
def client() -> DhcpClient:
    return DhcpClient(MAC, hostname="gecko", rng=random.Random(7))


def sent(client: DhcpClient) -> DhcpMessage:
    """The one message the client has to send."""
    return DhcpMessage.decode(outgoing(client).data)


def outgoing(client: DhcpClient) -> DhcpDatagram:
    (datagram,) = client.datagrams_to_send()
    return datagram


def state(client: DhcpClient) -> type:
    return type(client.state)


def reply(
    kind: MessageType, to: DhcpMessage, options: dict[int, bytes] | None = None, **fields: Any
) -> bytes:
    values: dict[int, bytes] = {
        53: bytes((kind,)),
        54: SERVER.to_bytes(4),
        51: (3600).to_bytes(4),
        1: bytes((255, 255, 255, 0)),
        3: SERVER.to_bytes(4),
        6: SERVER.to_bytes(4),
    } | (options or {})
    message = DhcpMessage(
        2, to.xid, to.chaddr, {k: v for k, v in values.items() if v}, yiaddr=ADDRESS
    )
    return replace(message, **fields).encode()


def bind(client: DhcpClient, now: float = 0.0, lease_time: int = 3600) -> Lease:
    options = {51: lease_time.to_bytes(4)}
    client.start(now)
    client.receive(reply(O, sent(client), options), now)
    client.receive(reply(A, sent(client), options), now)
    (event,) = client.events()
    assert isinstance(event, LeaseBound)
    return event.lease


def test_the_way_to_an_address(client: DhcpClient) -> None:
    client.start(100.0)
    first = outgoing(client)
    assert (first.source, first.destination) == ("0.0.0.0", "255.255.255.255")
    discover = DhcpMessage.decode(first.data)
    assert discover.message_type is D
    assert discover.broadcast
    assert discover.hostname == "gecko"
    assert discover.client_id == b"\x01" + MAC
    assert discover.parameter_list == (1, 3, 6, 58, 59)

    client.receive(reply(O, discover), 100.5)
    request = sent(client)
    assert request.message_type is R
    assert request.xid == discover.xid
    assert (request.requested_address, request.server_id) == (ADDRESS, SERVER)
    assert request.ciaddr == 0
    assert client.lease is None

    client.receive(reply(A, request), 101.0)
    (event,) = client.events()
    assert event == LeaseBound(
        Lease(
            address=IPv4Address("10.10.10.7"),
            netmask=IPv4Address("255.255.255.0"),
            gateway=IPv4Address("10.10.10.1"),
            dns=(IPv4Address("10.10.10.1"),),
            server=IPv4Address("10.10.10.1"),
            lease_time=3600,
            t1=1800,
            t2=3150,
            bound_at=100.5,  # when it was asked for
        )
    )
    assert client.datagrams_to_send() == []
    assert client.get_timer() == 100.5 + 1800


def test_nobody_answers(client: DhcpClient) -> None:
    client.start(0.0)
    times = [0.0]
    for _ in range(8):
        sent(client)
        due = client.get_timer()
        assert due is not None
        client.handle_timer(due - 0.01)
        assert client.datagrams_to_send() == []
        client.handle_timer(due)
        times.append(due)
    gaps = [b - a for a, b in pairwise(times)]
    for gap, nominal in zip(gaps, [1, 2, 4, 8, 16, 16, 16, 16], strict=True):
        assert abs(gap - nominal) <= min(1, nominal / 4)
    assert sum(t < 10 for t in times) == 4, "four tries within the device's ten seconds"
    assert sent(client).secs == int(times[-1])


def test_the_server_dies_after_its_offer(client: DhcpClient) -> None:
    client.start(0.0)
    discover = sent(client)
    client.receive(reply(O, discover), 0.0)
    kinds = []
    while (now := client.get_timer()) is not None and now < 10:
        kinds.append(sent(client).message_type)
        client.handle_timer(now)
    assert kinds[:4] == [R, R, R, D]


@pytest.mark.parametrize(
    ("what", "options", "fields"),
    [
        ("nowhere", {}, {"yiaddr": 0}),
        ("everyone", {}, {"yiaddr": 0xFFFFFFFF}),
        ("multicast", {}, {"yiaddr": 0xE0000001}),
        ("the network's broadcast", {}, {"yiaddr": 0x0A0A0AFF}),
        ("the network itself", {}, {"yiaddr": 0x0A0A0A00}),
        ("the server's own", {}, {"yiaddr": SERVER}),
        ("no server", {54: b""}, {}),
        ("a broadcast server", {54: b"\xff\xff\xff\xff"}, {}),
        ("no time", {51: bytes(4)}, {}),
        ("hardly any time", {51: b"\0\0\0\1"}, {}),
        ("someone else's", {}, {"chaddr": b"\2\2\2\2\2\2"}),
        ("another question's", {}, {"xid": 1}),
        ("a request", {}, {"op": 1}),
        ("another type", {53: b"\5"}, {}),
    ],
)
def test_offers_that_are_ignored(
    client: DhcpClient, what: str, options: dict[int, bytes], fields: dict[str, Any]
) -> None:
    client.start(0.0)
    client.receive(reply(O, sent(client), options, **fields), 0.0)
    assert client.datagrams_to_send() == [], what
    assert isinstance(client.state, Selecting)


@pytest.mark.parametrize(
    ("t1", "t2"), [(0, 100), (100, 100), (3000, 2000), (100, 3600), (100, 9999), (100, None)]
)
def test_renewal_times_out_of_order_are_replaced(
    client: DhcpClient, t1: int | None, t2: int | None
) -> None:
    options = {58: t1.to_bytes(4) if t1 is not None else b"", 59: t2.to_bytes(4) if t2 else b""}
    client.start(0.0)
    client.receive(reply(O, sent(client), options), 0.0)
    client.receive(reply(A, sent(client), options), 0.0)
    assert client.lease is not None
    assert (client.lease.t1, client.lease.t2) == (1800, 3150)


def test_what_is_missing_has_a_default(client: DhcpClient) -> None:
    client.start(0.0)
    bare = {51: b"", 1: b"", 3: b"", 6: b""}
    client.receive(reply(O, sent(client), bare), 0.0)
    client.receive(reply(A, sent(client), bare | {1: b"\xff\x00\xff\x00"}), 0.0)
    lease = client.lease
    assert lease is not None
    assert lease.lease_time == 3600
    assert lease.netmask == IPv4Address("255.0.0.0")
    assert (lease.gateway, lease.dns) == (None, ())


def test_a_lease_for_ever_needs_no_timer(client: DhcpClient) -> None:
    bind(client, lease_time=INFINITE)
    assert client.get_timer() is None
    client.handle_timer(1e12)
    assert client.events() == []


def test_renew_then_rebind_then_lose_it(client: DhcpClient) -> None:
    lease = bind(client)
    client.handle_timer(lease.renew_at)
    renew = outgoing(client)
    assert (renew.source, renew.destination) == ("10.10.10.7", "10.10.10.1")
    message = DhcpMessage.decode(renew.data)
    assert (message.ciaddr, message.requested_address, message.server_id) == (ADDRESS, None, None)
    assert state(client) is Renewing

    client.handle_timer(lease.rebind_at)
    rebind = outgoing(client)
    assert (rebind.source, rebind.destination) == ("10.10.10.7", "255.255.255.255")
    assert state(client) is Rebinding
    held = client.lease
    assert held is lease

    client.handle_timer(lease.expires_at)
    assert client.events() == [LeaseExpired()]
    assert client.lease is None
    assert sent(client).message_type is D


def test_renewal_counts_from_its_own_request(client: DhcpClient) -> None:
    bind(client)
    client.handle_timer(1800.0)
    lost = sent(client)
    due = client.get_timer()
    assert due == 1800 + (3150 - 1800) / 2
    client.handle_timer(due)
    again = sent(client)
    client.receive(reply(A, lost), due)
    assert client.events() == []
    client.receive(reply(A, again), due + 1)
    (event,) = client.events()
    assert isinstance(event, LeaseRenewed)
    assert event.lease.bound_at == due


def test_a_sleeping_machine_wakes_after_the_end(client: DhcpClient) -> None:
    bind(client)
    client.handle_timer(1_000_000.0)
    assert client.events() == [LeaseExpired()]
    assert isinstance(client.state, Selecting)


def test_only_the_asked_server_may_answer(client: DhcpClient) -> None:
    client.start(0.0)
    client.receive(reply(O, sent(client)), 0.0)
    request = sent(client)
    other = {54: bytes((10, 10, 10, 66))}
    client.receive(reply(N, request, other), 0.0)
    client.receive(reply(A, request, other), 0.0)
    client.receive(reply(A, request, yiaddr=ADDRESS + 1), 0.0)
    assert client.events() == []
    assert isinstance(client.state, Requesting)


def test_refused_once_goes_on_at_once_and_then_ever_more_slowly(client: DhcpClient) -> None:
    client.start(0.0)
    now, pauses = 0.0, []
    for _ in range(4):
        client.receive(reply(O, sent(client)), now)
        client.receive(reply(N, sent(client), {56: b"go away"}), now)
        assert client.events() == [LeaseRefused("go away")]
        if isinstance(client.state, Init):
            due = client.get_timer()
            assert due is not None
            pauses.append(round(due - now))
            now = due
            client.handle_timer(now)
    assert pauses[0] in (1, 2, 3)
    assert pauses == sorted(pauses)
    assert len(pauses) == 3


def test_a_remembered_lease_is_asked_for(client: DhcpClient) -> None:
    lease = bind(client)
    again = DhcpClient(MAC, rng=random.Random(1))
    again.resume(lease, 10.0)
    request = sent(again)
    assert (request.message_type, request.requested_address) == (R, ADDRESS)
    assert (request.server_id, request.ciaddr) == (None, 0)
    again.receive(reply(A, request), 10.2)
    (event,) = again.events()
    assert isinstance(event, LeaseBound)
    assert event.lease.bound_at == 10.0


def test_a_remembered_lease_that_nobody_confirms(client: DhcpClient) -> None:
    lease = bind(client)
    client.resume(lease, 10.0)
    kinds = []
    while (now := client.get_timer()) is not None and now < 14:
        kinds.append(sent(client).message_type)
        client.handle_timer(now)
    assert kinds[:3] == [R, R, D]


def test_a_remembered_lease_on_the_wrong_network(client: DhcpClient) -> None:
    client.resume(bind(client), 10.0)
    client.receive(reply(N, sent(client), {56: b"wrong network"}), 10.1)
    assert client.events() == [LeaseRefused("wrong network")]
    assert sent(client).message_type is D


def test_an_old_lease_is_not_asked_for(client: DhcpClient) -> None:
    client.resume(bind(client), 3600.0)
    assert sent(client).message_type is D


def test_a_cached_lease_skips_the_exchange(client: DhcpClient) -> None:
    lease = bind(client)
    again = DhcpClient(MAC, rng=random.Random(1))
    again.adopt(lease, 10.0)
    assert again.datagrams_to_send() == []
    assert again.events() == [LeaseBound(lease)]
    assert again.get_timer() == lease.renew_at


def test_release_says_goodbye_to_the_server(client: DhcpClient) -> None:
    bind(client)
    client.release(5.0)
    goodbye = outgoing(client)
    assert (goodbye.source, goodbye.destination) == ("10.10.10.7", "10.10.10.1")
    message = DhcpMessage.decode(goodbye.data)
    assert (message.message_type, message.ciaddr) == (MessageType.RELEASE, ADDRESS)
    assert (client.lease, client.get_timer()) == (None, None)


def test_decline_waits_ten_seconds(client: DhcpClient) -> None:
    bind(client)
    client.decline(5.0)
    message = sent(client)
    assert message.message_type is MessageType.DECLINE
    assert (message.requested_address, message.server_id) == (ADDRESS, SERVER)
    assert client.get_timer() == 15.0
    client.handle_timer(15.0)
    assert sent(client).message_type is D


def test_without_a_lease_there_is_nothing_to_give_back(client: DhcpClient) -> None:
    client.release(0.0)
    client.decline(0.0)
    assert client.datagrams_to_send() == []


def test_stop_is_silence(client: DhcpClient) -> None:
    client.start(0.0)
    discover = sent(client)
    client.stop()
    client.receive(reply(O, discover), 0.1)
    client.handle_timer(1000.0)
    assert (client.datagrams_to_send(), client.get_timer()) == ([], None)


@pytest.mark.parametrize(("mac", "hostname"), [(b"", ""), (bytes(17), ""), (MAC, "x" * 256)])
def test_wrong_arguments(mac: bytes, hostname: str) -> None:
    with pytest.raises(ValueError, match="octets"):
        DhcpClient(mac, hostname=hostname, rng=random.Random(1))


@given(st.lists(st.tuples(st.sampled_from(MessageType), st.binary(max_size=60)), max_size=12))
def test_a_hostile_server_only_ever_moves_the_client_between_its_states(
    answers: list[tuple[MessageType, bytes]],
) -> None:
    client = DhcpClient(MAC, rng=random.Random(3))
    client.start(0.0)
    xid, now = sent(client).xid, 0.0
    for kind, junk in answers:
        now += 0.1
        good = reply(kind, DhcpMessage(1, xid, MAC)).rstrip(b"\0").rstrip(b"\xff")
        client.receive(good + junk, now)
        client.handle_timer(now)
        for datagram in client.datagrams_to_send():
            xid = DhcpMessage.decode(datagram.data).xid
        due = client.get_timer()
        if due is not None:
            assert due > now, "never a loop at the speed of the wire"
