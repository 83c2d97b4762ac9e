from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.protocols.dhcp import (
    INFINITE,
    DhcpDatagram,
    DhcpMessage,
    DhcpServer,
    MessageType,
    ServerConfig,
)

D, O, R, A, N = (  # noqa: E741
    MessageType.DISCOVER,
    MessageType.OFFER,
    MessageType.REQUEST,
    MessageType.ACK,
    MessageType.NAK,
)
ANN = bytes.fromhex("0200000000a1")
BEN = bytes.fromhex("0200000000b2")
US = int(IPv4Address("10.10.10.1"))
FIRST, SECOND, THIRD = US + 1, US + 2, US + 3
CONFIG = ServerConfig(
    address=IPv4Address("10.10.10.1"),
    netmask=IPv4Address("255.255.255.0"),
    gateway=IPv4Address("10.10.10.1"),
    dns=(IPv4Address("10.10.10.1"), IPv4Address("8.8.8.8")),
    pool_first=IPv4Address("10.10.10.2"),
    pool_last=IPv4Address("10.10.10.4"),
    lease_time=3600,
    domain="gecko.lan",
)


@pytest.fixture
def server() -> DhcpServer:
    return DhcpServer(CONFIG)


def message(
    kind: MessageType,
    mac: bytes,
    *,
    server: int | None = None,
    wanted: int | None = None,
    ciaddr: int = 0,
) -> DhcpMessage:
    options = {53: bytes((kind,))}
    if server is not None:
        options[54] = server.to_bytes(4)
    if wanted is not None:
        options[50] = wanted.to_bytes(4)
    return DhcpMessage(1, 0x1234, mac, options, ciaddr=ciaddr)


def told(server: DhcpServer, message: DhcpMessage, now: float = 0.0) -> DhcpDatagram | None:
    answers = server.receive(message.encode(), now)
    assert len(answers) <= 1
    return answers[0] if answers else None


def ask(
    server: DhcpServer, message: DhcpMessage, now: float = 0.0
) -> tuple[MessageType | None, int]:
    """What the server says: a type and an address, (None, 0) for silence."""
    if (outgoing := told(server, message, now)) is None:
        return None, 0
    answer = DhcpMessage.decode(outgoing.data)
    assert (answer.op, answer.xid, answer.chaddr) == (2, message.xid, message.chaddr)
    assert answer.server_id == US
    return answer.message_type, answer.yiaddr


def give(server: DhcpServer, mac: bytes, now: float = 0.0) -> int:
    kind, address = ask(server, message(D, mac), now)
    assert kind is O
    assert ask(server, message(R, mac, server=US, wanted=address), now) == (A, address)
    return address


SILENCE = (None, 0)


def test_an_offer_says_all_there_is_to_know(server: DhcpServer) -> None:
    outgoing = told(server, message(D, ANN))
    assert outgoing is not None
    assert (outgoing.source, outgoing.destination) == ("10.10.10.1", "255.255.255.255")
    assert outgoing.mac == ANN
    offer = DhcpMessage.decode(outgoing.data)
    assert (offer.message_type, offer.yiaddr) == (O, FIRST)
    assert (offer.lease_time, offer.t1, offer.t2) == (3600, 1800, 3150)
    assert offer.netmask == 0xFFFFFF00
    assert (offer.routers, offer.dns) == ((US,), (US, 0x08080808))
    assert offer.domain == "gecko.lan"
    codes = list(offer.options)
    assert codes.index(1) < codes.index(3), "the mask comes before the routers"


def test_a_client_that_hears_only_broadcasts_gets_one(server: DhcpServer) -> None:
    outgoing = told(server, replace(message(D, ANN), broadcast=True))
    assert outgoing is not None
    assert outgoing.mac == b""


def test_selecting_makes_a_lease(server: DhcpServer) -> None:
    request = message(R, ANN, server=US, wanted=FIRST)
    assert ask(server, message(D, ANN)) == (O, FIRST)
    assert server.leases(0.0) == []
    assert ask(server, replace(request, options={**request.options, 12: b"ann"}), 5.0)[0] is A
    (lease,) = server.leases(5.0)
    assert (str(lease.address), lease.mac, lease.hostname) == ("10.10.10.2", ANN, "ann")
    assert lease.expires_at == 3605.0
    # The ACK was lost: the same question has the same answer.
    assert ask(server, request, 6.0) == (A, FIRST)


def test_the_client_chose_another_server(server: DhcpServer) -> None:
    assert ask(server, message(D, ANN)) == (O, FIRST)
    assert ask(server, message(R, ANN, server=US + 200, wanted=FIRST)) == SILENCE
    assert server.leases(0.0) == []
    assert ask(server, message(D, BEN, wanted=FIRST)) == (O, FIRST)


def test_a_wish_is_granted_when_it_can_be(server: DhcpServer) -> None:
    assert ask(server, message(D, ANN, wanted=THIRD)) == (O, THIRD)
    assert ask(server, message(D, BEN, wanted=THIRD)) == (O, FIRST)
    assert ask(server, message(D, b"c" * 6, wanted=US)) == (O, SECOND)
    assert ask(server, message(D, b"d" * 6)) == SILENCE


def test_an_old_client_gets_its_old_address(server: DhcpServer) -> None:
    assert give(server, ANN) == FIRST
    assert give(server, BEN, 4000.0) == SECOND
    assert ask(server, message(D, ANN), 9000.0) == (O, FIRST)


def test_an_empty_pool_is_silence_until_a_lease_ends(server: DhcpServer) -> None:
    for mac in (ANN, BEN, b"c" * 6):
        give(server, mac)
    assert ask(server, message(D, b"d" * 6), 3599.0) == SILENCE
    assert ask(server, message(D, b"d" * 6), 3600.0) == (O, FIRST)
    # Ann comes back too late, and is told so.
    assert ask(server, message(R, ANN, wanted=FIRST), 3601.0) == (N, 0)


def test_an_offer_is_kept_for_thirty_seconds(server: DhcpServer) -> None:
    for mac in (ANN, BEN, b"c" * 6):
        ask(server, message(D, mac))
    assert ask(server, message(D, b"d" * 6), 29.0) == SILENCE
    assert ask(server, message(D, b"d" * 6), 30.0) == (O, FIRST)
    assert ask(server, message(R, ANN, server=US, wanted=FIRST), 31.0) == (N, 0)
    assert ask(server, message(R, BEN, server=US, wanted=SECOND), 32.0) == (A, SECOND)


def test_renewing_goes_to_the_client_alone(server: DhcpServer) -> None:
    give(server, ANN)
    outgoing = told(server, message(R, ANN, ciaddr=FIRST), 1800.0)
    assert outgoing is not None
    assert outgoing.destination == "10.10.10.2"
    assert DhcpMessage.decode(outgoing.data).message_type is A
    assert server.leases(1800.0)[0].expires_at == 5400.0


@pytest.mark.parametrize("field", ["wanted", "ciaddr"])
def test_may_i_go_on_with_this_address(server: DhcpServer, field: str) -> None:
    """INIT-REBOOT asks with the requested address, RENEWING and REBINDING with ciaddr."""
    give(server, ANN)
    elsewhere = int(IPv4Address("192.168.0.9"))
    assert ask(server, message(R, ANN, **{field: FIRST})) == (A, FIRST)
    assert ask(server, message(R, ANN, **{field: SECOND})) == (N, 0), "yours is another"
    assert ask(server, message(R, ANN, **{field: elsewhere})) == (N, 0), "wrong network"
    assert ask(server, message(R, BEN, **{field: elsewhere})) == (N, 0), "wrong network"
    assert ask(server, message(R, BEN, **{field: FIRST})) == (N, 0), "that is Ann's"
    assert ask(server, message(R, BEN, **{field: SECOND})) == SILENCE, "never heard of you"
    assert ask(server, message(R, BEN)) == SILENCE


def test_a_refusal_is_heard_by_all(server: DhcpServer) -> None:
    outgoing = told(server, message(R, ANN, ciaddr=US + 0x10000))
    assert outgoing is not None
    assert (outgoing.destination, outgoing.mac) == ("255.255.255.255", b"")
    nak = DhcpMessage.decode(outgoing.data)
    assert nak.message == "wrong network"
    assert (nak.yiaddr, nak.ciaddr, nak.lease_time) == (0, 0, None)


def test_a_declined_address_rests(server: DhcpServer) -> None:
    give(server, ANN)
    assert ask(server, message(MessageType.DECLINE, BEN, server=US, wanted=FIRST)) == SILENCE
    assert len(server.leases(0.0)) == 1, "it is not Ben's to decline"
    assert ask(server, message(MessageType.DECLINE, ANN, server=US, wanted=FIRST)) == SILENCE
    assert server.leases(0.0) == []
    assert give(server, ANN) == SECOND
    assert give(server, BEN) == THIRD
    assert ask(server, message(D, b"c" * 6), 599.0) == SILENCE
    assert ask(server, message(D, b"c" * 6), 600.0) == (O, FIRST)


def test_a_released_address_is_free_but_remembered(server: DhcpServer) -> None:
    give(server, ANN)
    assert ask(server, message(MessageType.RELEASE, BEN, server=US, ciaddr=FIRST)) == SILENCE
    assert len(server.leases(0.0)) == 1
    assert ask(server, message(MessageType.RELEASE, ANN, server=US, ciaddr=FIRST)) == SILENCE
    assert server.leases(0.0) == []
    assert give(server, BEN) == SECOND
    assert give(server, ANN) == FIRST


def test_inform_gives_settings_and_no_lease(server: DhcpServer) -> None:
    outgoing = told(server, message(MessageType.INFORM, ANN, ciaddr=US + 100))
    assert outgoing is not None
    assert outgoing.destination == "10.10.10.101"
    ack = DhcpMessage.decode(outgoing.data)
    assert (ack.message_type, ack.yiaddr, ack.lease_time, ack.routers) == (A, 0, None, (US,))
    for address in (0, US, US + 254, US + 0x10000):
        assert told(server, message(MessageType.INFORM, ANN, ciaddr=address)) is None


def test_addresses_in_use_are_passed_over() -> None:
    asked: list[str] = []

    def in_use(address: IPv4Address) -> bool:
        asked.append(str(address))
        return str(address) != "10.10.10.4"

    server = DhcpServer(CONFIG, in_use=in_use)
    assert ask(server, message(D, ANN, wanted=SECOND)) == (O, THIRD)
    assert asked == ["10.10.10.3", "10.10.10.2", "10.10.10.4"]
    assert ask(server, message(D, BEN), 20.0) == SILENCE
    assert len(asked) == 3, "not asked again so soon"


def test_the_client_id_is_the_client(server: DhcpServer) -> None:
    one = message(D, ANN)
    two = replace(one, options={**one.options, 61: b"\0other"})
    assert ask(server, one) == (O, FIRST)
    assert ask(server, two) == (O, SECOND)
    assert ask(server, replace(two, chaddr=BEN)) == (O, SECOND)
    outgoing = told(server, two)
    assert outgoing is not None
    assert DhcpMessage.decode(outgoing.data).client_id == b"\0other"  # RFC 6842


def test_one_station_cannot_empty_the_pool_with_invented_names() -> None:
    server = DhcpServer(replace(CONFIG, pool_last=IPv4Address("10.10.10.200")))
    discover = message(D, ANN)
    answers = [
        ask(server, replace(discover, options={53: b"\x01", 61: b"\0" + bytes((n,))}))[0]
        for n in range(100)
    ]
    assert answers.count(O) == 8
    assert ask(server, message(D, BEN))[0] is O


def test_a_restart_forgets_nothing(server: DhcpServer) -> None:
    give(server, ANN, 1000.0)
    give(server, BEN, 2000.0)
    saved = server.export(2500.0)
    later = DhcpServer(CONFIG)
    later.restore(saved, 10.0)  # a clock that began anew
    assert [(str(g.address), g.expires_at) for g in later.leases(10.0)] == [
        ("10.10.10.2", 2110.0),
        ("10.10.10.3", 3110.0),
    ]
    assert ask(later, message(D, b"c" * 6), 10.0) == (O, THIRD)
    assert ask(later, message(R, BEN, ciaddr=SECOND), 11.0) == (A, SECOND)
    assert ask(later, message(R, ANN, wanted=FIRST), 2200.0) == (A, FIRST), "over, but free"


def test_restoring_into_another_network_leaves_out_what_does_not_fit(server: DhcpServer) -> None:
    give(server, ANN)
    moved = replace(
        CONFIG, pool_first=IPv4Address("10.10.10.9"), pool_last=IPv4Address("10.10.10.9")
    )
    later = DhcpServer(moved)
    later.restore(server.export(0.0), 0.0)
    assert later.leases(0.0) == []


def test_removed_stations_are_forgotten(server: DhcpServer) -> None:
    give(server, ANN)
    assert server.remove(ANN)
    assert not server.remove(ANN)
    assert server.leases(0.0) == []
    assert ask(server, message(R, ANN, ciaddr=FIRST)) == SILENCE


def test_a_lease_for_ever_does_not_end() -> None:
    server = DhcpServer(replace(CONFIG, lease_time=INFINITE))
    give(server, ANN)
    assert server.leases(1e12)[0].expires_at == float("inf")
    outgoing = told(server, message(D, ANN))
    assert outgoing is not None
    offer = DhcpMessage.decode(outgoing.data)
    assert (offer.lease_time, offer.t1) == (INFINITE, None)


def test_a_large_pool_is_quick_and_empty() -> None:
    """65,000 clients; one more takes the place of the first that went."""
    server = DhcpServer(
        replace(
            CONFIG,
            netmask=IPv4Address("255.255.0.0"),
            pool_first=IPv4Address("10.10.0.1"),
            pool_last=IPv4Address("10.10.255.254"),
        )
    )
    pool = server._pool
    macs = [n.to_bytes(6) for n in range(65_533)]
    for mac in macs:
        binding = pool.offer(b"\1" + mac, mac, None, 0.0)
        assert binding is not None
        pool.lease(binding, mac, 3600.0)
    assert len(server.leases(0.0)) == 65_533
    assert ask(server, message(D, ANN), 1.0) == SILENCE
    ask(server, message(MessageType.RELEASE, macs[777], server=US, ciaddr=0x0A0A0000 + 778), 2.0)
    assert ask(server, message(D, ANN), 3.0) == (O, 0x0A0A0000 + 778)


@pytest.mark.parametrize(
    "change",
    [
        {"address": IPv4Address("0.0.0.0")},
        {"pool_first": IPv4Address("10.10.10.5")},
        {"pool_last": IPv4Address("10.10.11.5")},
        {"pool_last": IPv4Address("10.10.10.255")},
        {"lease_time": 0},
        {"lease_time": INFINITE + 1},
        {"domain": "x" * 256},
    ],
)
def test_settings_that_contradict_one_another(change: dict[str, IPv4Address]) -> None:
    with pytest.raises(ValueError, match=r"."):
        replace(CONFIG, **change)  # type: ignore[arg-type]


def test_a_relay_of_our_network_is_answered_at_its_own_port(server: DhcpServer) -> None:
    relay = US + 200
    (offer,) = server.receive(replace(message(D, ANN), giaddr=relay).encode(), 0.0)
    assert (offer.destination, offer.mac) == (str(IPv4Address(relay)), b"")
    assert DhcpMessage.decode(offer.data).giaddr == relay
    wrong = replace(message(R, ANN, wanted=US + 65536), giaddr=relay)
    (refusal,) = server.receive(wrong.encode(), 0.0)
    answer = DhcpMessage.decode(refusal.data)
    assert answer.message_type is MessageType.NAK
    assert (refusal.destination, answer.giaddr, answer.broadcast) == (
        offer.destination,
        relay,
        True,
    )


@pytest.mark.parametrize("elsewhere", [US, US + 65536, US | 255, 0xFFFFFFFF])
def test_answers_are_not_sent_elsewhere_for_a_relay(server: DhcpServer, elsewhere: int) -> None:
    assert ask(server, replace(message(D, ANN), giaddr=elsewhere)) == SILENCE


def test_replies_and_junk_are_ignored(server: DhcpServer) -> None:
    assert ask(server, replace(message(D, ANN), op=2)) == SILENCE
    assert ask(server, message(O, ANN)) == SILENCE
    assert server.receive(b"junk", 0.0) == []


WORDS = st.sampled_from([0, US, FIRST, SECOND, THIRD, US + 254, 0xFFFFFFFF])


@given(
    st.lists(
        st.builds(
            DhcpMessage,
            op=st.just(1),
            xid=st.just(1),
            chaddr=st.sampled_from([ANN, BEN, b"c" * 6, b"d"]),
            ciaddr=WORDS,
            options=st.fixed_dictionaries(
                {53: st.sampled_from([bytes((n,)) for n in range(10)])},
                optional={
                    50: WORDS.map(lambda n: n.to_bytes(4)),
                    54: st.sampled_from([US, US + 9]).map(lambda n: n.to_bytes(4)),
                    61: st.sampled_from([b"\0x", b"\0y", b"\0" * 300, b""]),
                },
            ),
        ),
        max_size=40,
    ),
    st.sets(st.sampled_from([FIRST, SECOND, THIRD])),
)
def test_whatever_is_said_no_address_has_two_holders(
    messages: list[DhcpMessage], used: set[int]
) -> None:
    server = DhcpServer(CONFIG, in_use=lambda address: int(address) in used)
    for step, said in enumerate(messages):
        now = step * 13.0
        kind, address = ask(server, said, now)
        if kind is O or (kind is A and address):
            assert address in (FIRST, SECOND, THIRD)
            assert address not in used
        leases = server.leases(now)
        assert len({lease.address for lease in leases}) == len(leases)
        assert len({lease.client_id for lease in leases}) == len(leases)


def test_the_revision_tells_what_must_be_kept(server: DhcpServer) -> None:
    revision = server.revision
    ask(server, message(D, ANN))
    assert server.revision == revision
    ask(server, message(R, ANN, server=US, wanted=FIRST))
    assert server.revision == revision + 1
    ask(server, message(D, ANN))
    assert server.revision == revision + 1
    ask(server, message(R, ANN, ciaddr=FIRST))
    assert server.revision == revision + 2
    server.receive(message(MessageType.RELEASE, ANN, server=US, ciaddr=FIRST).encode(), 0.0)
    assert server.revision == revision + 3
