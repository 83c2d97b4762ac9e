from tokay.fleet.identity import MAX_DEVICES, identity

PREFIX = "4C:55:CC"


def test_no_two_devices_share_an_address_or_a_serial_number() -> None:
    fleet = [identity(3, index, PREFIX) for index in range(20_000)]
    assert len({who.mac for who in fleet}) == len(fleet)
    assert len({who.serial for who in fleet}) == len(fleet)
    last = identity(3, MAX_DEVICES - 1, PREFIX)
    assert last.mac not in {who.mac for who in fleet}


def test_the_same_seed_and_index_give_the_same_device() -> None:
    who = identity(1, 5, PREFIX)
    assert who == identity(1, 5, PREFIX)
    assert who.random("a").random() == identity(1, 5, PREFIX).random("a").random()
    assert who.random("a").random() != who.random("b").random()
    other = identity(2, 5, PREFIX)
    assert (other.mac, other.serial) != (who.mac, who.serial)
    # Pinned: a fleet must be the same fleet in the next version.
    assert (who.mac, who.serial) == ("4C:55:CC:AA:35:E4", "73B1B58E09618DAA")
