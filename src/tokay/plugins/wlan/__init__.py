"""WLAN: joining a network, and what there is to see of it.

Source: docs/protocol/network.md, sections 2 and 3.
"""

from tokay.plugins.wlan import driver, report, scan, scan_command, variables, verify, wps
from tokay.plugins.wlan.join import JoinResult
from tokay.plugins.wlan.station import Wlan

Wlan.variables = (*variables.SETTINGS, *scan.SETTINGS, *driver.SETTINGS, *report.VARIABLES)
Wlan.commands = (report.wlan_get_rssi, scan_command.wlan_scan, verify.network_verify, wps.wps)
PLUGIN = Wlan

SSID = variables.SSID

__all__ = ["PLUGIN", "SSID", "JoinResult", "Wlan"]
