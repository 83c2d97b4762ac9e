"""Ethernet: a cable beside the radio. Source: docs/protocol/variables.md, section 7.5.

A device has it when its board does. It comes up by `network_up -i ethernet`, by whatever needs it,
and by itself while `ethernet.auto_start.enabled` is on; WLAN and soft AP go on beside it.
"""

from tokay.plugins.ethernet.plugin import Ethernet
from tokay.plugins.ethernet.report import REPORTS
from tokay.plugins.ethernet.variables import SETTINGS

Ethernet.variables = (*SETTINGS, *REPORTS)
PLUGIN = Ethernet

__all__ = ["PLUGIN", "Ethernet"]
