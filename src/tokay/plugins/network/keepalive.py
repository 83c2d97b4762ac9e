"""Keep-alive probes on TCP connections: a peer that is gone without a word is noticed.

Sources: docs/protocol/variables.md, section 7.19; RFC 9293 section 3.8.4.
"""

import asyncio
import contextlib
import socket

from tokay.kernel.value_types import Boolean, Integer
from tokay.kernel.variables import Applies, Variable, Variables

MAX_SECONDS = 32767
MAX_PROBES = 127
"""What Linux takes (tcp.h, MAX_TCP_KEEPIDLE and its like)."""

ENABLED = Variable(
    "tcp.keepalive.enabled", "tc k e", Boolean(), False, applies=Applies.NETWORK_RESTART,
    doc="Ask the peer of a silent TCP connection whether it is still there.",
)  # fmt: skip
INITIAL_TIMEOUT = Variable(
    "tcp.keepalive.initial_timeout", "tc k i", Integer(1, MAX_SECONDS, unit="seconds"), 60,
    applies=Applies.NETWORK_RESTART, doc="How long a connection is silent before the first probe.",
)  # fmt: skip
RETRY_COUNT = Variable(
    "tcp.keepalive.retry_count", "tc k c", Integer(1, MAX_PROBES), 3,
    applies=Applies.NETWORK_RESTART,
    doc="How many probes go unanswered before the connection is given up.",
)  # fmt: skip
RETRY_TIMEOUT = Variable(
    "tcp.keepalive.retry_timeout", "tc k r", Integer(1, MAX_SECONDS, unit="seconds"), 10,
    applies=Applies.NETWORK_RESTART, doc="The time between two probes.",
)  # fmt: skip
VARIABLES = (ENABLED, INITIAL_TIMEOUT, RETRY_COUNT, RETRY_TIMEOUT)

_OPTIONS = (
    (socket.TCP_KEEPIDLE, INITIAL_TIMEOUT),
    (socket.TCP_KEEPINTVL, RETRY_TIMEOUT),
    (socket.TCP_KEEPCNT, RETRY_COUNT),
)


def keep_alive(values: Variables, transport: asyncio.BaseTransport) -> None:
    """Enable TCP keep-alive on a connection as `tcp.keepalive.*` says."""
    if not values[ENABLED]:
        return
    sock = transport.get_extra_info("socket")
    if sock is None:
        return
    with contextlib.suppress(OSError):  # it may have been reset already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, variable in _OPTIONS:
            sock.setsockopt(socket.IPPROTO_TCP, option, values[variable])
