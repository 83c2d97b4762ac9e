"""Ethernet: a cable beside the radio. Source: the ethernet group of the variables reference.

A device has it when its board does. It comes up by `network_up -i ethernet`, by whatever needs it,
and by itself while `ethernet.auto_start.enabled` is on; WLAN and soft AP go on beside it.
"""

from tokay.plugins.ethernet.plugin import Ethernet
from tokay.plugins.ethernet.report import REPORTS
from tokay.plugins.ethernet.variables import SETTINGS

Ethernet.variables = (*SETTINGS, *REPORTS)
PLUGIN = Ethernet

__all__ = ["PLUGIN", "Ethernet"]
