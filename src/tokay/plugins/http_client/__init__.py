"""The HTTP client: requests by command, and for other plugins. Source: commands-network, 9."""

from typing import ClassVar

from tokay.kernel.plugin import Plugin
from tokay.plugins.http_client.commands import (
    http_add_header,
    http_get,
    http_head,
    http_post,
    http_read_status,
)
from tokay.plugins.http_client.variables import RETRIES, RETRY_PERIOD


class HttpClient(Plugin):
    """HTTP by command."""

    name = "http_client"
    variables = (RETRIES, RETRY_PERIOD)
    commands: ClassVar = (http_get, http_head, http_post, http_add_header, http_read_status)
    after = ("network", "tcp")


PLUGIN = HttpClient
