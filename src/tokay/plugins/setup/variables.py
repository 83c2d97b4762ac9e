"""The setup.* settings.

Sources: docs/protocol/web-and-discovery.md, section 2; docs/protocol/variables.md, section 7.15.
"""

from typing import Any

from tokay.kernel.value_types import NO_PIN, Boolean, Choice, Integer, Passkey, Pin, Text
from tokay.kernel.variables import Applies, Variable
from tokay.plugins.softap import hide_passkey

_SETUP: dict[str, Any] = {"applies": Applies.SETUP_RESTART}
AT_REBOOT = "reboot"
BY_LEVEL = "level"

AUTO_CMD = Variable(
    "setup.auto.cmd", "se a c", Text(0, 255), "", applies=Applies.REBOOT,
    doc="A command that is run at boot while wlan.ssid is unset and the setup GPIO idle.",
)  # fmt: skip
GPIO_CMD = Variable(
    "setup.gpio.cmd", "se g c", Text(0, 255), "setup_web",
    doc="The command that the setup GPIO runs.",
)  # fmt: skip
CONTROL_GPIO = Variable(
    "setup.gpio.control_gpio", "se g g", Pin(), NO_PIN, applies=Applies.REBOOT,
    doc="The pin that, held through a reset for 3 s, runs setup.gpio.cmd.",
)  # fmt: skip
LEVEL = Variable(
    "setup.gpio.level", "se g l", Integer(0, 1), 1, applies=Applies.REBOOT,
    doc="The level at which the setup GPIO counts as held.",
)  # fmt: skip
MODE = Variable(
    "setup.gpio.mode", "se g m", Choice(AT_REBOOT, BY_LEVEL), AT_REBOOT, applies=Applies.REBOOT,
    doc="When the setup GPIO counts: at a reset only, or whenever it is held.",
)  # fmt: skip
CAPTIVE_PORTAL = Variable(
    "setup.web.captive_portal_enabled", "se w v", Boolean(), True,
    doc="Lead the probes that phones and computers send to the setup page.", **_SETUP,
)  # fmt: skip
IDLE_TIMEOUT = Variable(
    "setup.web.idle_timeout", "se w i", Integer(0, 65535, unit="s"), 300,
    doc="How long setup waits for somebody to open its page; 0 waits for ever.", **_SETUP,
)  # fmt: skip
PASSKEY = Variable(
    "setup.web.passkey", "se w p", Passkey(32), "password", hidden=hide_passkey,
    doc="The passphrase of the setup network; empty is an open one.", **_SETUP,
)  # fmt: skip
ROOT_FILENAME = Variable(
    "setup.web.root_filename", "se w r", Text(0, 64), "webapp/index.html",
    doc="The page that is served while setting up.", **_SETUP,
)  # fmt: skip
SSID = Variable(
    "setup.web.ssid", "se w s", Text(1, 32, empty=False), "Gecko_OS-#",
    doc="The setup network; # becomes the last three hex digits of the MAC.", **_SETUP,
)  # fmt: skip
URL = Variable(
    "setup.web.url", "se w u", Text(0, 255), "setup.com,gecko-os.com",
    doc="Names, with commas between, that lead to the setup page.", **_SETUP,
)  # fmt: skip

SETTINGS = (
    AUTO_CMD, GPIO_CMD, CONTROL_GPIO, LEVEL, MODE, CAPTIVE_PORTAL, IDLE_TIMEOUT, PASSKEY,
    ROOT_FILENAME, SSID, URL,
)  # fmt: skip
