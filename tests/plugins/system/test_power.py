"""Sleep and what ends it, reboot and shutdown, on a turned clock."""

from tests.dialogue import Talk

from tokay.board.pins import SimulatedPins


def test_sleep_says_nothing_and_wakes_when_the_time_is_over() -> None:
    with Talk(human=True, settings={"system.wakeup.timeout": "60"}) as talk:
        talk.send(b"sleep\r\nget bus.mode\r\n")
        talk.turn(59)
        assert talk.heard() == b"sleep\r\n"
        talk.turn(2)
        assert talk.heard().endswith(b"[Ready]\r\n> get bus.mode\r\ncommand\r\n> ")


def test_a_pin_ends_sleep() -> None:
    with Talk(human=True, settings={"system.wakeup.events": "gpio5,gpio7"}) as talk:
        talk.send(b"sleep\r\n")
        talk.turn(100_000)
        assert talk.heard() == b"sleep\r\n"
        pins = talk.device.board.pins
        assert isinstance(pins, SimulatedPins)
        pins.drive(7, 1)
        talk.turn(1)
        assert b"[Ready]" in talk.heard()


def test_a_device_goes_to_sleep_by_itself() -> None:
    with Talk(
        profile="zentrios-3",
        settings={"system.gotosleep.timeout": "10", "system.wakeup.timeout": "5"},
    ) as talk:
        talk.turn(9)
        assert talk.answer("get time.uptime") == (0, "9")
        talk.turn(7)
        talk.heard()
        assert talk.device.kernel.clock.uptime < 3


def test_wakeup_events_are_pins() -> None:
    with Talk() as talk:
        assert talk.answer("set system.wakeup.events gpio31") == (0, "Set OK")
        assert talk.answer("get system.wakeup.events") == (0, "gpio31")
        for value in ("gpio99", "pin5", "gpio", "5"):
            assert talk.answer(f"set system.wakeup.events {value}")[0] == 7


def test_status_gpio_follows_the_network() -> None:
    with Talk(
        settings={
            "wlan.ssid": "tokay", "wlan.passkey": "tokay-lab", "wlan.network.status_gpio": "9",
        }
    ) as talk:  # fmt: skip
        assert talk.answer("gpio_get 9") == (0, "0")
        assert talk.answer("network_up") == (0, "Success")
        assert talk.answer("gpio_get 9") == (0, "1")
        assert talk.answer("network_down") == (0, "Success")
        assert talk.answer("gpio_get 9") == (0, "0")
