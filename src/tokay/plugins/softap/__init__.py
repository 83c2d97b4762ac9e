"""The soft AP: the device as an access point, with DHCP and DNS for those who join it.

What other plugins use is published here: ``SoftAp`` with ``up``, ``down`` and ``portal``,
``ApSettings`` for a run with other settings than softap.*, and what prints the client list.
"""

from tokay.plugins.softap.ap_settings import ApSettings, expand, host_names
from tokay.plugins.softap.plugin import SoftAp
from tokay.plugins.softap.report import client_list
from tokay.plugins.softap.variables import DNS_URL, hide_passkey

PLUGIN = SoftAp

__all__ = ["DNS_URL", "ApSettings", "SoftAp", "client_list", "expand", "hide_passkey", "host_names"]
