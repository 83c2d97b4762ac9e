"""WebSocket: a client by command, and the endpoints of the HTTP server.

What other plugins use is published here: ``kernel.plugin(WebSocket).app`` has the application
streams, where a plugin registers what web pages may read and write; ``WebSocketStream`` is a stream
over any connection.

Sources: docs/protocol/network.md, section 10; docs/protocol/web-and-discovery.md, section 3.
"""

from typing import TYPE_CHECKING, Any

from tokay.plugins.websocket.plugin import WebSocket

if TYPE_CHECKING:
    from tokay.plugins.websocket.app import AppClient, AppStreams, Code, Permission
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


def __getattr__(name: str) -> Any:
    """Import what is published when it is first asked for: start-up time is measured."""
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module  # noqa: PLC0415

    module = "stream" if name == "WebSocketStream" else "app"
    return getattr(import_module(f"{__name__}.{module}"), name)
