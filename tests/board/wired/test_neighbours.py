from ipaddress import IPv4Address

from tokay.board.wired.neighbours import FRESH, GONE, MAX_KNOWN, QUIET, Neighbours

ANN, BOB, EVE = (bytes((2, 0, 0, 0, 0, last)) for last in (1, 2, 3))
ONE, TWO = IPv4Address("10.10.10.2"), IPv4Address("10.10.10.3")


class World:
    def __init__(self, most: int = 2) -> None:
        self.told: list[tuple[bytes, bool]] = []
        self.them = Neighbours(most, lambda mac, joined: self.told.append((mac, joined)))


def test_a_station_comes_with_its_first_word() -> None:
    world = World()
    assert world.them.hear(ANN, None, 1.0)
    assert world.them.hear(ANN, ONE, 2.0)
    station = world.them.stations[ANN]
    assert (station.since, station.seen, station.address) == (1.0, 2.0, ONE)
    assert world.told == [(ANN, True)]


def test_a_full_house_lets_nobody_in_until_somebody_leaves() -> None:
    world = World()
    assert world.them.hear(ANN, None, 0.0)
    assert world.them.hear(BOB, None, 0.0)
    assert not world.them.hear(EVE, TWO, 0.0)
    assert world.them.uses(TWO, b"", 0.0)  # but her address is hers
    world.them.leave(ANN)
    assert world.them.hear(EVE, None, 0.0)
    assert world.told == [(ANN, True), (BOB, True), (ANN, False), (EVE, True)]


def test_groups_and_odd_addresses_are_nobody() -> None:
    world = World()
    for mac in (b"\xff" * 6, b"\x01\x00\x5e\0\0\1", b"", b"\2" * 8):
        assert not world.them.hear(mac, ONE, 0.0)
    assert world.told == []
    assert not world.them.uses(ONE, b"", 0.0)


def test_the_silent_are_asked_and_then_gone() -> None:
    world = World()
    world.them.hear(ANN, ONE, 0.0)
    world.them.hear(BOB, None, 0.0)
    assert list(world.them.quiet(QUIET - 1)) == []
    assert list(world.them.quiet(QUIET)) == [(ANN, ONE)]
    world.them.hear(ANN, ONE, QUIET + 1)
    assert list(world.them.quiet(GONE)) == [(ANN, ONE)]
    assert world.told[-1] == (BOB, False)
    assert list(world.them.quiet(GONE + QUIET + 1)) == []
    assert world.told[-1] == (ANN, False)
    assert not world.them.stations


def test_an_address_is_used_by_another_for_a_while() -> None:
    world = World()
    world.them.hear(ANN, ONE, 0.0)
    assert world.them.uses(ONE, BOB, FRESH - 1)
    assert not world.them.uses(ONE, ANN, 1.0)
    assert not world.them.uses(ONE, BOB, FRESH)
    assert not world.them.uses(TWO, BOB, 1.0)
    world.them.leave_all()
    assert not world.them.uses(ONE, BOB, 1.0)


def test_a_liar_fills_no_memory() -> None:
    world = World()
    for number in range(MAX_KNOWN + 10):
        world.them.hear(EVE, IPv4Address(number + 1), 0.0)
    assert not world.them.uses(IPv4Address(1), BOB, 0.0)
    assert world.them.uses(IPv4Address(MAX_KNOWN), BOB, 0.0)
    assert len(world.them.stations) == 1
