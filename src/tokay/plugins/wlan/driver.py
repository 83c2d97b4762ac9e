"""Variables that set the radio up: a real one does what its driver can, others ignore them.

Source: docs/protocol/variables.md, section 7.23.
"""

from typing import Any

from tokay.board.radio import RadioSettings
from tokay.kernel.value_types import Choice, Integer
from tokay.kernel.variables import Applies, Variable, Variables

ANTENNA = Variable(
    "wlan.antenna.select", "wl a s", Choice("1", "2", "auto"), "1", safe_mode=True, backup=True,
    doc="The antenna of the radio.",
)  # fmt: skip
TX_POWER = Variable("wlan.tx_power", "wl x", Integer(0, 20, unit="dBm"), 20,
                    doc="Transmit power.")  # fmt: skip
RSSI_AVERAGE = Variable(
    "wlan.rssi_average", "wl r a", Integer(1, 255), 8, doc="Samples in a reading of the signal."
)
RATE_PROTOCOL = Variable(
    "wlan.rate.protocol", "wl r p", Choice("auto", "b", "g", "n"), "auto",
    applies=Applies.NETWORK_RESTART, doc="The flavour of 802.11.",
)  # fmt: skip
RATE_SETTING = Variable(
    "wlan.rate.setting", "wl r s", Choice("auto", *(str(number) for number in range(16))), "auto",
    applies=Applies.NETWORK_RESTART, doc="A fixed transmit rate.",
)  # fmt: skip
REGION = Variable(
    "wlan.region_code", "wl g", Choice("world", "us", "eu", "jp"), "world",
    applies=Applies.REBOOT, doc="The regulatory region.",
)  # fmt: skip
POWERSAVE_MODE = Variable(
    "wlan.powersave.mode", "wl w m", Choice("disabled", "auto"), "disabled",
    doc="Power save of the station.",
)  # fmt: skip
POWERSAVE_TIMEOUT = Variable(
    "wlan.powersave.timeout", "wl w t", Integer(0, 65535, unit="ms"), 10,
    doc="Idle time before power save.",
)  # fmt: skip
SETTINGS = (
    ANTENNA, TX_POWER, RSSI_AVERAGE, RATE_PROTOCOL, RATE_SETTING, REGION, POWERSAVE_MODE,
    POWERSAVE_TIMEOUT,
)  # fmt: skip
DRIVEN: tuple[Variable[Any], ...] = (
    ANTENNA,
    TX_POWER,
    RATE_PROTOCOL,
    RATE_SETTING,
    REGION,
    POWERSAVE_MODE,
)
"""Those that a radio is told of."""

_AUTO = "auto"
# The rules of one of its countries stand for a region; the world's are what a machine has.
_COUNTRIES = {"us": "US", "eu": "DE", "jp": "JP"}


def radio_settings(values: Variables) -> RadioSettings:
    """Return the settings for the radio. A default leaves to the machine what it has."""
    antenna, power, rate = values[ANTENNA], values[TX_POWER], values[RATE_SETTING]
    flavour = values[RATE_PROTOCOL]
    return RadioSettings(
        region=_COUNTRIES.get(values[REGION], ""),
        tx_power=None if power == TX_POWER.default else power,
        antenna=None if antenna == ANTENNA.default else 0 if antenna == _AUTO else int(antenna),
        power_save=values[POWERSAVE_MODE] == _AUTO,
        flavour="" if flavour == _AUTO else flavour,
        rate=None if rate == _AUTO else int(rate),
    )
