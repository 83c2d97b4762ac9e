"""What a driver is asked beside joining: power, rates, antenna, power save, region.

Only what differs from the machine's own is asked, and each change has a way back. A driver that
refuses is told of in one line.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from tokay.board.radio import RadioSettings
from tokay.board.wpa.nl80211 import Nl80211
from tokay.board.wpa.undo import Undo
from tokay.protocols import nl80211
from tokay.protocols.nl80211 import Wiphy

# Mbit/s, by wlan.rate.setting; from 8 on it is the MCS.
_RATES_B = (1, 2, 5.5, 11)
_RATES_G = (6, 9, 12, 18, 24, 36, 48, 54)
_RATES = (*_RATES_B, 6, 12, 24, 54)
_FIRST_MCS = 8


@dataclass(slots=True)
class Tuning:
    """The settings of one interface. ``on_note`` is called with a line for the log."""

    ifname: str
    index: int
    wiphy: Wiphy
    undo: Undo
    on_note: Callable[[str], None]

    def apply(self, settings: RadioSettings, before: RadioSettings) -> None:
        """Make the changes from one setting to another. The interface is on."""
        try:
            with Nl80211() as kernel:
                self._region(kernel, settings, before)
                self._power(kernel, settings, before)
                self._power_save(kernel, settings, before)
                self._antenna(kernel, settings, before)
                self._rates(kernel, settings, before)
        except OSError as error:
            self.on_note(f"{self.ifname}: {error.strerror}")

    def _power(self, kernel: Nl80211, now: RadioSettings, before: RadioSettings) -> None:
        if now.tx_power != before.tx_power:
            back = nl80211.set_power(self.index, None)
            body = nl80211.set_power(self.index, now.tx_power)
            self._ask(kernel, "tx_power", body, back)

    def _power_save(self, kernel: Nl80211, now: RadioSettings, before: RadioSettings) -> None:
        if now.power_save != before.power_save:
            was = False
            with contextlib.suppress(OSError):
                was = kernel.power_save(self.index)
            back = nl80211.set_power_save(self.index, enabled=was)
            body = nl80211.set_power_save(self.index, enabled=now.power_save)
            self._ask(kernel, "powersave", body, back)

    def _antenna(self, kernel: Nl80211, now: RadioSettings, before: RadioSettings) -> None:
        if now.antenna == before.antenna or now.antenna is None:
            return
        has_tx, has_rx = self.wiphy.antennas_tx, self.wiphy.antennas_rx
        mask = has_tx if now.antenna == 0 else 1 << (now.antenna - 1)
        if not has_tx or not mask & has_tx or not mask & has_rx:
            self.on_note(f"{self.ifname}: the radio has no antenna {now.antenna or 'to choose'}")
            return
        back = nl80211.set_antenna(self.wiphy.index, has_tx, has_rx)
        body = nl80211.set_antenna(self.wiphy.index, mask & has_tx, mask & has_rx)
        self._ask(kernel, "antenna", body, back)

    def _rates(self, kernel: Nl80211, now: RadioSettings, before: RadioSettings) -> None:
        if (now.flavour, now.rate) != (before.flavour, before.rate):
            legacy, mcs = rates_of(now)
            back = nl80211.set_rates(self.index, None, None)
            body = nl80211.set_rates(self.index, legacy, mcs)
            self._ask(kernel, "rate", body, back)

    def _region(self, kernel: Nl80211, now: RadioSettings, before: RadioSettings) -> None:
        if now.region and now.region != before.region:
            back = nl80211.set_region(kernel.region() or "00")
            self._ask(kernel, "region", nl80211.set_region(now.region), back)

    def _ask(self, kernel: Nl80211, what: str, body: bytes, back: bytes) -> None:
        try:
            self.undo.add((self.ifname, what), kernel.step(back))
            kernel.request(body)
        except OSError as error:
            self.undo.drop((self.ifname, what))
            self.on_note(f"{self.ifname}: the driver does not take {what}: {error.strerror}")


def rates_of(settings: RadioSettings) -> tuple[tuple[float, ...] | None, tuple[int, ...] | None]:
    """Return the rates in Mbit/s and the MCS that may be used; None is any."""
    rate = settings.rate
    if rate is not None:
        if rate >= _FIRST_MCS:
            return (), (rate - _FIRST_MCS,)
        return (_RATES[rate],), ()
    if settings.flavour == "b":
        return _RATES_B, ()
    if settings.flavour == "g":
        return (*_RATES_B, *_RATES_G), ()
    return None, None
