"""WebSocket: a client by command.

Source: commands-network, section 10; web-and-discovery, section 3.
"""

from typing import ClassVar

from tokay.kernel.plugin import Plugin
from tokay.plugins.websocket.client import websocket_client


class WebSocket(Plugin):
    """WebSocket connections of one device."""

    name = "websocket"
    commands: ClassVar = (websocket_client,)
    after = ("network", "streams", "tcp", "tls")


PLUGIN = WebSocket
