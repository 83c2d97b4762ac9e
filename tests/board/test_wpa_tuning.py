import pytest

from tokay.board.radio import RadioSettings
from tokay.board.wpa.tuning import rates_of
from tokay.device import Device
from tokay.plugins.wlan.driver import radio_settings


@pytest.mark.parametrize(
    ("settings", "rates"),
    [
        (RadioSettings(), (None, None)),
        (RadioSettings(flavour="n"), (None, None)),
        (RadioSettings(flavour="b"), ((1, 2, 5.5, 11), ())),
        (RadioSettings(rate=2), ((5.5,), ())),
        (RadioSettings(rate=7), ((54,), ())),
        (RadioSettings(rate=15), ((), (7,))),
        (RadioSettings(flavour="b", rate=8), ((), (0,))),
    ],
)
def test_the_rates_that_may_be_used(settings: RadioSettings, rates: object) -> None:
    assert rates_of(settings) == rates


async def test_defaults_leave_the_machine_what_it_has() -> None:
    async with Device.simulated() as device:
        assert radio_settings(device.kernel.variables) == RadioSettings()
        for line in ("wlan.tx_power 5", "wlan.antenna.select auto", "wlan.region_code eu"):
            assert (await device.command(f"set {line}")).ok
        assert radio_settings(device.kernel.variables) == RadioSettings("DE", 5, 0)
