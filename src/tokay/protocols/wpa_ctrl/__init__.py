"""The control sockets of wpa_supplicant and hostapd, without I/O.

Both programs take commands on a Unix datagram socket, one line each, and answer each with one
datagram. Whoever sends ``ATTACH`` also gets events there; an event begins with its level in
angle brackets, and no answer does::

    -> SCAN TYPE=ONLY freq=2412,2437        <- OK
                                            <- <3>CTRL-EVENT-SCAN-RESULTS
    -> BSS RANGE=0- MASK=21e97              <- id=0 / bssid=... / ... / ====

`Conversation` pairs commands with answers and keeps the time limit; `Event` is an event taken
apart. The other modules write commands and configuration files, and read answers. An SSID is
bytes everywhere: it is sent in hex, and comes back with escapes. Nothing received is trusted:
what cannot be read raises WpaCtrlError, and nothing else.

Source: wpa_ctrl.h, wpa_supplicant/README and hostapd.conf of version 2.10; IEEE 802.11-2020.
"""

from tokay.protocols.wpa_ctrl.conversation import Conversation, Reply, State
from tokay.protocols.wpa_ctrl.error import WpaCtrlError
from tokay.protocols.wpa_ctrl.events import Event, Name
from tokay.protocols.wpa_ctrl.replies import Bss, read_bss_list, read_fields, read_first_fields
from tokay.protocols.wpa_ctrl.settings import (
    AccessPointSettings,
    KeyManagement,
    StationSettings,
    access_point_file,
    scan_command,
    station_settings,
)
from tokay.protocols.wpa_ctrl.text import unescape
from tokay.protocols.wpa_ctrl.wps import WpsCredential, read_credential

__all__ = [
    "AccessPointSettings",
    "Bss",
    "Conversation",
    "Event",
    "KeyManagement",
    "Name",
    "Reply",
    "State",
    "StationSettings",
    "WpaCtrlError",
    "WpsCredential",
    "access_point_file",
    "read_bss_list",
    "read_credential",
    "read_fields",
    "read_first_fields",
    "scan_command",
    "station_settings",
    "unescape",
]
