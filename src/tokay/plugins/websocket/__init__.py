"""WebSocket: a client by command, and the endpoints of the HTTP server.

What other plugins use is published here: ``kernel.plugin(WebSocket).app`` has the application
streams, where a plugin registers what web pages may read and write; ``WebSocketStream`` is a stream
over any connection.

Source: commands-network, section 10; web-and-discovery, section 3.
"""

from tokay.plugins.websocket.app import AppClient, AppStreams, Code, Permission
from tokay.plugins.websocket.plugin import WebSocket
from tokay.plugins.websocket.stream import WebSocketStream

PLUGIN = WebSocket

__all__ = [
    "PLUGIN",
    "AppClient",
    "AppStreams",
    "Code",
    "Permission",
    "WebSocket",
    "WebSocketStream",
]
