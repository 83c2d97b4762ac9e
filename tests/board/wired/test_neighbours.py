from ipaddress import IPv4Address

from tokay.board.wired.neighbours import (
    ADDRESS_LIFETIME,
    EXPIRE_AFTER,
    IDLE_AFTER,
    MAX_ADDRESSES,
    Neighbours,
)

ANN, BOB, EVE = (bytes((2, 0, 0, 0, 0, last)) for last in (1, 2, 3))
ONE, TWO = IPv4Address("10.10.10.2"), IPv4Address("10.10.10.3")


class World:
    def __init__(self, most: int = 2) -> None:
        self.told: list[tuple[bytes, bool]] = []
        self.them = Neighbours(most, lambda mac, joined: self.told.append((mac, joined)))


def test_a_station_comes_with_its_first_word() -> None:
    world = World()
    assert world.them.seen(ANN, None, 1.0)
    assert world.them.seen(ANN, ONE, 2.0)
    station = world.them.stations[ANN]
    assert (station.since, station.seen, station.address) == (1.0, 2.0, ONE)
    assert world.told == [(ANN, True)]


def test_a_full_house_lets_nobody_in_until_somebody_leaves() -> None:
    world = World()
    assert world.them.seen(ANN, None, 0.0)
    assert world.them.seen(BOB, None, 0.0)
    assert not world.them.seen(EVE, TWO, 0.0)
    assert world.them.is_used_by_other(TWO, b"", 0.0)  # but her address is hers
    world.them.remove(ANN)
    assert world.them.seen(EVE, None, 0.0)
    assert world.told == [(ANN, True), (BOB, True), (ANN, False), (EVE, True)]


def test_groups_and_odd_addresses_are_nobody() -> None:
    world = World()
    for mac in (b"\xff" * 6, b"\x01\x00\x5e\0\0\1", b"", b"\2" * 8):
        assert not world.them.seen(mac, ONE, 0.0)
    assert world.told == []
    assert not world.them.is_used_by_other(ONE, b"", 0.0)


def test_the_silent_are_asked_and_then_gone() -> None:
    world = World()
    world.them.seen(ANN, ONE, 0.0)
    world.them.seen(BOB, None, 0.0)
    assert list(world.them.check_idle(IDLE_AFTER - 1)) == []
    assert list(world.them.check_idle(IDLE_AFTER)) == [(ANN, ONE)]
    world.them.seen(ANN, ONE, IDLE_AFTER + 1)
    assert list(world.them.check_idle(EXPIRE_AFTER)) == [(ANN, ONE)]
    assert world.told[-1] == (BOB, False)
    assert list(world.them.check_idle(EXPIRE_AFTER + IDLE_AFTER + 1)) == []
    assert world.told[-1] == (ANN, False)
    assert not world.them.stations


def test_an_address_is_used_by_another_for_a_while() -> None:
    world = World()
    world.them.seen(ANN, ONE, 0.0)
    assert world.them.is_used_by_other(ONE, BOB, ADDRESS_LIFETIME - 1)
    assert not world.them.is_used_by_other(ONE, ANN, 1.0)
    assert not world.them.is_used_by_other(ONE, BOB, ADDRESS_LIFETIME)
    assert not world.them.is_used_by_other(TWO, BOB, 1.0)
    world.them.clear()
    assert not world.them.is_used_by_other(ONE, BOB, 1.0)


def test_a_liar_fills_no_memory() -> None:
    world = World()
    for number in range(MAX_ADDRESSES + 10):
        world.them.seen(EVE, IPv4Address(number + 1), 0.0)
    assert not world.them.is_used_by_other(IPv4Address(1), BOB, 0.0)
    assert world.them.is_used_by_other(IPv4Address(MAX_ADDRESSES), BOB, 0.0)
    assert len(world.them.stations) == 1
