"""What the Linux kernel says of radios: generic netlink, family ``nl80211``, without I/O.

What a radio can do at once stands in its *interface combinations*: so many interfaces of these
kinds, on so many channels. A station and a soft AP of one radio mostly share a channel.

Source: linux/genetlink.h, linux/nl80211.h.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, unique
from typing import NamedTuple

from tokay.protocols import netlink
from tokay.protocols.netlink import NetlinkError, attribute, attributes, number, read_number

CONTROL_FAMILY = 0x10
"""The family that tells the numbers of the others."""
FAMILY = "nl80211"

_GENERIC = struct.Struct("=BBxx")
_VERSION = 1
_CTRL_GET_FAMILY, _CTRL_FAMILY_ID, _CTRL_FAMILY_NAME = 3, 1, 2
_MBM = 100  # hundredths of a dBm


@unique
class Command(IntEnum):
    """Commands in use."""

    GET_WIPHY = 1
    SET_WIPHY = 2
    GET_INTERFACE = 5
    NEW_INTERFACE = 7
    DEL_INTERFACE = 8
    GET_STATION = 17
    REQ_SET_REG = 27
    GET_REG = 31
    SET_TX_BITRATE_MASK = 57
    SET_POWER_SAVE = 61
    GET_POWER_SAVE = 62


@unique
class Attribute(IntEnum):
    """Attributes in use."""

    WIPHY = 1
    WIPHY_NAME = 2
    IFINDEX = 3
    IFNAME = 4
    IFTYPE = 5
    MAC = 6
    STA_INFO = 21
    WIPHY_BANDS = 22
    SUPPORTED_IFTYPES = 32
    REG_ALPHA2 = 33
    WIPHY_FREQ = 38
    TX_RATES = 90
    PS_STATE = 93
    TX_POWER_SETTING = 97
    TX_POWER_LEVEL = 98
    ANTENNA_TX = 105
    ANTENNA_RX = 106
    ANTENNA_AVAIL_TX = 113
    ANTENNA_AVAIL_RX = 114
    INTERFACE_COMBINATIONS = 120
    SPLIT_WIPHY_DUMP = 174
    SOCKET_OWNER = 204


class InterfaceType(IntEnum):
    """Kinds of interfaces in use; there are others."""

    STATION = 2
    AP = 3


_BAND_FREQS = 1
_FREQ, _FREQ_DISABLED, _FREQ_NO_IR, _FREQ_RADAR = 1, 2, 3, 5
_COMB_LIMITS, _COMB_MAXNUM, _COMB_CHANNELS = 1, 2, 4
_LIMIT_MAX, _LIMIT_TYPES = 1, 2
_STA_SIGNAL, _STA_TX_BITRATE, _STA_SIGNAL_AVG = 7, 8, 13
_RATE_BITRATE, _RATE_BITRATE32 = 1, 5
_TXRATE_LEGACY, _TXRATE_HT = 1, 2
_BAND_2GHZ = 0
_POWER_AUTOMATIC, _POWER_LIMITED = 0, 1


class Frequency(NamedTuple):
    """One channel of a radio."""

    mhz: int
    disabled: bool
    silent: bool
    """Whether nobody may begin to send there."""
    radar: bool


class Combination(NamedTuple):
    """Interfaces that a radio can have at once."""

    limits: Sequence[tuple[int, frozenset[int]]]
    """At most so many, of these kinds together."""
    interfaces: int
    channels: int

    def allows(self, kinds: Sequence[int]) -> bool:
        """Whether interfaces of these kinds can be there together."""
        return len(kinds) <= self.interfaces and self._fit(list(kinds), [*self.limits])

    def _fit(self, kinds: list[int], limits: list[tuple[int, frozenset[int]]]) -> bool:
        if not kinds:
            return True
        first, *rest = kinds
        return any(
            left > 0
            and first in types
            and self._fit(rest, [*limits[:at], (left - 1, types), *limits[at + 1 :]])
            for at, (left, types) in enumerate(limits)
        )


@dataclass(slots=True)
class Wiphy:
    """A radio."""

    index: int
    name: str = ""
    frequencies: list[Frequency] = field(default_factory=list)
    types: set[int] = field(default_factory=set)
    combinations: list[Combination] = field(default_factory=list)
    antennas_tx: int = 0
    antennas_rx: int = 0
    """Bit masks of the antennas that can be chosen; 0 where none can."""

    def channels_for(self, kinds: Sequence[int]) -> int:
        """Return how many channels interfaces of these kinds can have at once; 0 if none."""
        if not set(kinds) <= self.types:
            return 0
        if len(kinds) == 1:
            return 1
        return max((one.channels for one in self.combinations if one.allows(kinds)), default=0)


class InterfaceFacts(NamedTuple):
    """A wireless interface."""

    ifindex: int
    name: str
    wiphy: int
    kind: int
    frequency: int
    """MHz, 0 while it is on no channel."""
    power: int | None
    """Transmit power in dBm, None where it is not told."""


class StationFacts(NamedTuple):
    """The other end of an association."""

    signal: int | None
    """dBm."""
    rate: float | None
    """Mbit/s of what is sent."""


# What is asked.


def family_body(name: str = FAMILY) -> bytes:
    """Return the question for a family's number, to `CONTROL_FAMILY`."""
    head = _GENERIC.pack(_CTRL_GET_FAMILY, _VERSION)
    return head + attribute(_CTRL_FAMILY_NAME, name.encode() + b"\0")


def body(command: Command, *attached: bytes) -> bytes:
    """Return a request of the family."""
    return _GENERIC.pack(command, _VERSION) + b"".join(attached)


def on(ifindex: int) -> bytes:
    """Return the attribute that names an interface."""
    return number(Attribute.IFINDEX, ifindex)


def wiphy_dump() -> bytes:
    """Return the question for all radios, in as many messages as it takes."""
    return body(Command.GET_WIPHY, attribute(Attribute.SPLIT_WIPHY_DUMP, b""))


def new_ap_interface(wiphy: int, name: str, mac: bytes) -> bytes:
    """Return the request for an interface that goes with the socket that asks for it."""
    return body(
        Command.NEW_INTERFACE,
        number(Attribute.WIPHY, wiphy),
        attribute(Attribute.IFNAME, name.encode() + b"\0"),
        number(Attribute.IFTYPE, InterfaceType.AP),
        attribute(Attribute.MAC, mac),
        attribute(Attribute.SOCKET_OWNER, b""),
    )


def set_power(ifindex: int, dbm: int | None) -> bytes:
    """Return the request for at most this transmit power, or for what the driver likes."""
    if dbm is None:
        return body(
            Command.SET_WIPHY, on(ifindex), number(Attribute.TX_POWER_SETTING, _POWER_AUTOMATIC)
        )
    return body(
        Command.SET_WIPHY,
        on(ifindex),
        number(Attribute.TX_POWER_SETTING, _POWER_LIMITED),
        number(Attribute.TX_POWER_LEVEL, dbm * _MBM),
    )


def set_antenna(wiphy: int, tx: int, rx: int) -> bytes:
    """Return the request for antennas, as bit masks."""
    return body(
        Command.SET_WIPHY,
        number(Attribute.WIPHY, wiphy),
        number(Attribute.ANTENNA_TX, tx),
        number(Attribute.ANTENNA_RX, rx),
    )


def set_power_save(ifindex: int, *, enabled: bool) -> bytes:
    """Return the request to let the station doze, or not."""
    return body(Command.SET_POWER_SAVE, on(ifindex), number(Attribute.PS_STATE, int(enabled)))


def set_rates(ifindex: int, legacy: Iterable[float] | None, mcs: Iterable[int] | None) -> bytes:
    """Return the request to send at these rates only (Mbit/s, and MCS of 802.11n); None is any."""
    rates = b""
    if legacy is not None:
        rates += attribute(_TXRATE_LEGACY, bytes(round(rate * 2) for rate in legacy))
    if mcs is not None:
        rates += attribute(_TXRATE_HT, bytes(mcs))
    inside = [netlink.nested(_BAND_2GHZ, rates)] if legacy is not None or mcs is not None else []
    return body(
        Command.SET_TX_BITRATE_MASK, on(ifindex), netlink.nested(Attribute.TX_RATES, *inside)
    )


def set_region(alpha2: str) -> bytes:
    """Return the request for the rules of a country; `00` is the world's."""
    return body(
        Command.REQ_SET_REG, attribute(Attribute.REG_ALPHA2, alpha2.encode("ascii") + b"\0")
    )


# What is answered.


def read_family(answer: bytes) -> int:
    """Return the number of the family. Raises NetlinkError."""
    _, found = netlink.read(_GENERIC, answer)
    return int.from_bytes(found.get(_CTRL_FAMILY_ID, b""), "little")


def read_wiphys(answers: Iterable[bytes]) -> list[Wiphy]:
    """Put the radios together of the messages that tell of them. Raises NetlinkError."""
    wiphys: dict[int, Wiphy] = {}
    for answer in answers:
        _, found = netlink.read(_GENERIC, answer)
        if Attribute.WIPHY in found:
            index = read_number(found[Attribute.WIPHY])
            _read_wiphy(wiphys.setdefault(index, Wiphy(index)), found)
    return list(wiphys.values())


def _read_wiphy(wiphy: Wiphy, found: dict[int, bytes]) -> None:
    wiphy.name = _text(found.get(Attribute.WIPHY_NAME, b"")) or wiphy.name
    wiphy.antennas_tx |= _number_or(found.get(Attribute.ANTENNA_AVAIL_TX))
    wiphy.antennas_rx |= _number_or(found.get(Attribute.ANTENNA_AVAIL_RX))
    wiphy.types.update(kind for kind, _ in attributes(found.get(Attribute.SUPPORTED_IFTYPES, b"")))
    for _, band in attributes(found.get(Attribute.WIPHY_BANDS, b"")):
        for kind, listed in attributes(band):
            if kind == _BAND_FREQS:
                wiphy.frequencies += [_read_frequency(one) for _, one in attributes(listed)]
    for _, one in attributes(found.get(Attribute.INTERFACE_COMBINATIONS, b"")):
        wiphy.combinations.append(_read_combination(one))


def _read_frequency(packed: bytes) -> Frequency:
    found = dict(attributes(packed))
    return Frequency(
        _number_or(found.get(_FREQ)),
        _FREQ_DISABLED in found,
        _FREQ_NO_IR in found,
        _FREQ_RADAR in found,
    )


def _read_combination(packed: bytes) -> Combination:
    found = dict(attributes(packed))
    limits = []
    for _, one in attributes(found.get(_COMB_LIMITS, b"")):
        limit = dict(attributes(one))
        kinds = frozenset(kind for kind, _ in attributes(limit.get(_LIMIT_TYPES, b"")))
        limits.append((_number_or(limit.get(_LIMIT_MAX)), kinds))
    return Combination(
        limits, _number_or(found.get(_COMB_MAXNUM)), _number_or(found.get(_COMB_CHANNELS))
    )


def read_interface(answer: bytes) -> InterfaceFacts:
    """Read an interface. Raises NetlinkError."""
    _, found = netlink.read(_GENERIC, answer)
    if Attribute.IFINDEX not in found or Attribute.WIPHY not in found:
        raise NetlinkError("a wireless interface without numbers")
    power = found.get(Attribute.TX_POWER_LEVEL)
    return InterfaceFacts(
        read_number(found[Attribute.IFINDEX]),
        _text(found.get(Attribute.IFNAME, b"")),
        read_number(found[Attribute.WIPHY]),
        _number_or(found.get(Attribute.IFTYPE)),
        _number_or(found.get(Attribute.WIPHY_FREQ)),
        None if power is None else read_number(power) // _MBM,
    )


def read_station(answer: bytes) -> tuple[bytes, StationFacts]:
    """Return the address of the other end, and what is known of it. Raises NetlinkError."""
    _, found = netlink.read(_GENERIC, answer)
    told = dict(attributes(found.get(Attribute.STA_INFO, b"")))
    signal = told.get(_STA_SIGNAL_AVG) or told.get(_STA_SIGNAL)
    rate = dict(attributes(told.get(_STA_TX_BITRATE, b"")))
    tenths = rate.get(_RATE_BITRATE32) or rate.get(_RATE_BITRATE)
    return found.get(Attribute.MAC, b""), StationFacts(
        None if not signal else int.from_bytes(signal[:1], "little", signed=True),
        None if not tenths else int.from_bytes(tenths, "little") / 10,
    )


def read_region(answer: bytes) -> str:
    """Return the country whose rules hold. Raises NetlinkError."""
    _, found = netlink.read(_GENERIC, answer)
    return _text(found.get(Attribute.REG_ALPHA2, b""))


def read_power_save(answer: bytes) -> bool:
    """Return whether the station may doze. Raises NetlinkError."""
    _, found = netlink.read(_GENERIC, answer)
    return bool(_number_or(found.get(Attribute.PS_STATE)))


def _number_or(packed: bytes | None) -> int:
    return 0 if packed is None else read_number(packed)


def _text(packed: bytes) -> str:
    return packed.split(b"\0", 1)[0].decode("ascii", "replace")
