import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.protocols import netlink, nl80211
from tokay.protocols.netlink import NetlinkError, attribute, nested, number
from tokay.protocols.nl80211 import Attribute, Combination, InterfaceType, Wiphy

STATION, AP = InterfaceType.STATION, InterfaceType.AP


def test_a_radio_is_put_together_of_several_messages() -> None:
    def band(*frequencies: bytes) -> bytes:
        listed = nested(1, *(nested(at, one) for at, one in enumerate(frequencies)))
        return nested(Attribute.WIPHY_BANDS, nested(0, listed))

    limits = nested(
        1,
        nested(1, number(1, 1), nested(2, attribute(STATION, b""))),
        nested(2, number(1, 1), nested(2, attribute(AP, b""))),
    )
    combination = nested(1, limits, number(2, 2), number(4, 1))
    parts = [
        number(Attribute.WIPHY, 3) + attribute(Attribute.WIPHY_NAME, b"phy3\0"),
        number(Attribute.WIPHY, 3) + band(number(1, 2412)),
        number(Attribute.WIPHY, 3) + band(number(1, 2484) + attribute(2, b"")),
        number(Attribute.WIPHY, 3)
        + nested(Attribute.SUPPORTED_IFTYPES, attribute(STATION, b""), attribute(AP, b""))
        + nested(Attribute.INTERFACE_COMBINATIONS, combination),
    ]
    (wiphy,) = nl80211.read_wiphys([bytes(4) + part for part in parts])
    assert (wiphy.index, wiphy.name) == (3, "phy3")
    assert [(one.mhz, one.disabled) for one in wiphy.frequencies] == [(2412, False), (2484, True)]
    assert wiphy.channels_for([STATION, AP]) == 1
    assert wiphy.channels_for([AP, AP]) == 0
    assert wiphy.channels_for([AP]) == 1


def test_interfaces_are_laid_over_the_limits_of_a_combination() -> None:
    both = Combination([(1, frozenset({STATION, AP})), (1, frozenset({STATION}))], 2, 2)
    assert both.allows([STATION, AP])
    assert both.allows([STATION, STATION])
    assert not both.allows([AP, AP])
    assert not both.allows([STATION, STATION, AP])
    wiphy = Wiphy(0, types={STATION, AP}, combinations=[both])
    assert wiphy.channels_for([AP, STATION]) == 2
    assert Wiphy(0, types={STATION, AP}).channels_for([AP, STATION]) == 0


def test_the_other_end() -> None:
    told = nested(Attribute.STA_INFO, attribute(7, b"\xd0"), nested(8, number(5, 650)))
    assert nl80211.read_station(bytes(4) + told) == (b"", (-48, 65.0))
    assert nl80211.read_station(bytes(4)) == (b"", (None, None))


@pytest.mark.parametrize(
    "body",
    [
        nl80211.set_power(3, 10),
        nl80211.set_power(3, None),
        nl80211.set_rates(3, (1, 2, 5.5, 11), ()),
        nl80211.set_rates(3, None, None),
        nl80211.set_antenna(0, 1, 3),
        nl80211.new_ap_interface(0, "wlan0ap", bytes(6)),
        nl80211.wiphy_dump(),
    ],
)
def test_a_request_is_made_of_attributes(body: bytes) -> None:
    assert list(netlink.attributes(body, 4))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    readers = (
        nl80211.read_interface, nl80211.read_station, nl80211.read_region, nl80211.read_family,
        nl80211.read_power_save, lambda one: nl80211.read_wiphys([one]),
    )  # fmt: skip
    for read in readers:
        for body in (data, bytes(4) + number(Attribute.WIPHY, 0) + data):
            with contextlib.suppress(NetlinkError):
                read(body)
