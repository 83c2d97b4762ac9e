"""Variables of updates, and of the vendor's cloud that once gave them."""

from tokay.kernel.kernel import Kernel
from tokay.kernel.value_types import Boolean, Integer, PortNumber, Text
from tokay.kernel.variables import Applies, Variable, computed
from tokay.plugins.update.bundle import installed

OTA_HOST = Variable(
    "ota.host", "ot h", Text(1, 255), "",
    doc="Where updates come from; empty for nowhere.",
)  # fmt: skip
OTA_PORT = Variable(
    "ota.port", "ot p", PortNumber(), 443,
    doc="The HTTPS port of ota.host.",
)  # fmt: skip


def _bundle_id(kernel: Kernel, _words: object) -> str:
    return installed(kernel).id


BUNDLE_ID = computed(
    "dms.bundle_id", "dm b", _bundle_id,
    doc="The id of the bundle that the last update brought; empty before the first.",
)  # fmt: skip
DMS_AUTO_START = Variable(
    "dms.auto_start_enabled", "dm a", Boolean(), False,
    doc="Kept for hosts that set it: there is no cloud to connect to.",
)  # fmt: skip
DMS_COMMANDS = Variable(
    "dms.cmd.enabled", "dm c e", Boolean(), False, applies=Applies.REBOOT,
    doc="Kept for hosts that set it: there is no cloud console.",
)  # fmt: skip
DMS_TELEMETRY = Variable(
    "dms.telemetry.interval", "dm t i", Integer(0, 4294967295, unit="s"), 0,
    doc="Kept for hosts that set it: there is nowhere to report to.",
)  # fmt: skip
HOST_BOOT = Variable(
    "hboot.filename", "", Text(0, 64), "",
    doc="The image of the host MCU; kept for hosts that set it.",
)  # fmt: skip
VARIABLES = (
    OTA_HOST, OTA_PORT, BUNDLE_ID, DMS_AUTO_START, DMS_COMMANDS, DMS_TELEMETRY, HOST_BOOT,
)  # fmt: skip
