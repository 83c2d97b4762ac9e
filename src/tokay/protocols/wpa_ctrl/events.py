"""Events: what happened, told by the program itself."""

import re
from dataclasses import dataclass, field
from enum import StrEnum, unique

from tokay.protocols.wpa_ctrl.error import WpaCtrlError

_EVENT = re.compile(rb"<(\d{1,2})>(\S+) ?(.*)", re.DOTALL)
# Values are plain words, or text in quotes that may hold blanks.
_FIELD = re.compile(rb'([A-Za-z_]+)=("(?:[^"\\]|\\.)*"|\S*)')


@unique
class Name(StrEnum):
    """The events in use. Source: wpa_ctrl.h."""

    SCAN_RESULTS = "CTRL-EVENT-SCAN-RESULTS"
    SCAN_FAILED = "CTRL-EVENT-SCAN-FAILED"
    CONNECTED = "CTRL-EVENT-CONNECTED"
    DISCONNECTED = "CTRL-EVENT-DISCONNECTED"
    ASSOC_REJECT = "CTRL-EVENT-ASSOC-REJECT"
    AUTH_REJECT = "CTRL-EVENT-AUTH-REJECT"
    TEMP_DISABLED = "CTRL-EVENT-SSID-TEMP-DISABLED"
    NOT_FOUND = "CTRL-EVENT-NETWORK-NOT-FOUND"
    STARTED_CHANNEL_SWITCH = "CTRL-EVENT-STARTED-CHANNEL-SWITCH"
    CHANNEL_SWITCH = "CTRL-EVENT-CHANNEL-SWITCH"
    TERMINATING = "CTRL-EVENT-TERMINATING"
    WPS_CREDENTIAL = "WPS-CRED-RECEIVED"
    WPS_TIMEOUT = "WPS-TIMEOUT"
    WPS_OVERLAP = "WPS-OVERLAP-DETECTED"
    WPS_FAIL = "WPS-FAIL"
    STATION_CONNECTED = "AP-STA-CONNECTED"
    STATION_DISCONNECTED = "AP-STA-DISCONNECTED"
    AP_ENABLED = "AP-ENABLED"
    AP_DISABLED = "AP-DISABLED"
    CSA_FINISHED = "AP-CSA-FINISHED"
    INTERFACE_DISABLED = "INTERFACE-DISABLED"
    INTERFACE_ENABLED = "INTERFACE-ENABLED"


@dataclass(frozen=True, slots=True)
class Event:
    """An event. `name` may be one that is not in `Name`; `text` is all that stands behind it."""

    name: str
    text: bytes = b""
    fields: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def parse(cls, datagram: bytes) -> "Event":
        """Take a datagram apart. Raises WpaCtrlError."""
        match = _EVENT.fullmatch(datagram.rstrip(b"\n"))
        if match is None:
            raise WpaCtrlError("an event that cannot be read")
        fields = {
            key.decode(): value[1:-1] if value.startswith(b'"') else value.rstrip(b"]")
            for key, value in _FIELD.findall(match[3])
        }
        return cls(match[2].decode("latin-1"), match[3], fields)

    def number(self, key: str) -> int | None:
        """Return a field that is a number; None without such a field."""
        value = self.fields.get(key, b"")
        return int(value) if re.fullmatch(rb"-?\d{1,9}", value) else None

    @property
    def first_word(self) -> str:
        """The first word behind the name, such as the address of a station."""
        return self.text.split(b" ", 1)[0].decode("latin-1")
