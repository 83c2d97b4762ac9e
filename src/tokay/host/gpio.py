"""Pins of a module. Source: docs/protocol/commands.md, section 5."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokay.host.module import Module


class Gpio:
    """The pins of one module: ``module.gpio``. A pin is a number or an alias."""

    def __init__(self, module: "Module") -> None:
        self._module = module

    async def direction(self, pin: int | str, direction: str, initial: int | None = None) -> None:
        """Use a pin: `in`, `ipu`, `ipd`, `out`, `ood`, `oodpu`; `none` gives it back."""
        first = "" if initial is None else f" {initial}"
        await self._module.command(f"gpio_dir {pin} {direction}{first}")

    async def get(self, pin: int | str) -> int:
        """Return the level of a pin."""
        return (await self._module.command(f"gpio_get {pin}")).number

    async def set(self, pin: int | str, level: int | bool) -> None:
        """Set the level of an output."""
        await self._module.command(f"gpio_set {pin} {int(level)}")

    async def levels(self) -> list[int]:
        """Return the levels of all pins, by number."""
        text = (await self._module.command("gpios_get")).text
        return [int(level) for level in text if level in "01"]

    async def usage(self) -> dict[int, str]:
        """Return what each pin in use is used for."""
        rows = await self._module.listing("get gpio.usage")
        used = (row.lstrip("# ").split(None, 1) for row in rows if row.startswith("#"))
        return {int(words[0]): words[1] for words in used if len(words) == 2}
