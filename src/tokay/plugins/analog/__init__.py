"""Analog input and output, and PWM. Source: docs/protocol/commands.md, section 6."""

import re
from typing import ClassVar

from tokay.board.pins import Pwm
from tokay.kernel.commands import Call, command
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import CommandError, Result, bad_args, failed
from tokay.kernel.value_types import Integer
from tokay.kernel.variables import Variable
from tokay.plugins.gpio import Gpio, refusals

FREQUENCY = (1, 1_000_000)
"""The PWM frequencies that are taken, in Hz."""
STOP = "stop"
NONE = frozenset(("none", "-1"))
DAC_OWNER = "DAC"
PWM_OWNER = "PWM"
_DUTY = re.compile(r"[0-9]{1,3}(\.[0-9]+)?")

VREF = Variable(
    "system.adc.vref", "sy a v", Integer(1, 65535, unit="mV"), 3300,
    doc="The reference voltage: the most that adc_take_sample reads and dac_set_level gives.",
)  # fmt: skip


@command("adc_take_sample", "adc", "gpio")
def adc_take_sample(call: Call) -> str:
    """Print the voltage on a pin, in millivolts."""
    pins, pin = call.kernel.plugin(Gpio).pins, call.kernel.pin(call["gpio"])
    with refusals():
        if pins.owner(pin):
            raise failed(f"GPIO {pin} belongs to {pins.owner(pin)}")
        return str(max(0, min(pins.millivolts(pin), call.kernel.variables[VREF])))


@command("dac_set_level", "dac", "gpio level")
def dac_set_level(call: Call) -> None:
    """Put out a voltage, in millivolts; `none` ends it."""
    pins, pin = call.kernel.plugin(Gpio).pins, call.kernel.pin(call["gpio"])
    with refusals():
        if call["level"] in NONE:
            pins.release(pin, DAC_OWNER)
            return
        level = call.number("level", 0, call.kernel.variables[VREF])
        pins.claim(pin, DAC_OWNER)
        pins.write_millivolts(pin, level)


@command("pwm_update", "pwm", "gpio duty [frequency]")
def pwm_update(call: Call) -> None:
    """Put out a PWM: duty in percent, such as 34.78, and frequency in Hz; `stop` ends it."""
    pins, pin = call.kernel.plugin(Gpio).pins, call.kernel.pin(call["gpio"])
    with refusals():
        if call["duty"] == STOP:
            if "frequency" in call:
                raise CommandError(Result.TOO_MANY_ARGS)
            pins.release(pin, PWM_OWNER)
            return
        pwm = Pwm(_duty(call["duty"]), call.number("frequency", *FREQUENCY))
        pins.claim(pin, PWM_OWNER)
        pins.write_pwm(pin, pwm)


def _duty(word: str) -> float:
    """Return a percentage, in the hundredths that the module knows."""
    if not _DUTY.fullmatch(word) or float(word) > 100:
        raise bad_args(f"{word} is not in 0 to 100 percent")
    return round(float(word), 2)


class Analog(Plugin):
    """Voltages by command."""

    name = "analog"
    variables = (VREF,)
    commands: ClassVar = (adc_take_sample, dac_set_level, pwm_update)
    after = ("gpio",)


PLUGIN = Analog
