"""How much of everything a client may send, and how long it may take. Times are seconds."""

MAX_TARGET = 8 * 1024
MAX_HEAD = 16 * 1024
"""Bytes of a request line and its headers."""
MAX_HEADERS = 100
MAX_BODY = 128 * 1024
"""Bytes; a real device takes 4096 in all (docs/protocol/web-and-discovery.md, section 1.7)."""
MAX_AHEAD = 64
"""Requests that a client may send before it has an answer."""
MAX_UNSENT = 64 * 1024
"""Bytes that may wait for a slow client before no more are made."""

MAX_JOINED = 4 * 1024
"""Bytes of a body that are copied behind the head rather than written by themselves."""

HEAD_LIMIT = 10.0
"""Seconds for a whole head, however slowly it drips."""
DAWDLE = 2.0
"""Seconds after which a head that is not complete is given up when other clients wait."""
BODY_LIMIT = 30.0
"""Seconds for a whole body."""
IDLE_LIMIT = 15.0
"""Seconds that a kept connection may wait for its next request."""
SEND_LIMIT = 30.0
"""Seconds that a client may take nothing of its answer."""
HALF_LIMIT = 60.0
"""Seconds that an answer may take to a client that sends no more: it may be gone altogether."""
TURN_LIMIT = 30.0
"""Seconds that a client may wait for its turn."""
LINGER = 2.0
"""Seconds to listen to a client that was refused in the middle of its request: a close with
unread bytes is a reset, and may take the answer with it (RFC 9112, section 9.6)."""

MAX_HEADS = 256
MAX_KNOWN = 1024
"""How many heads are remembered, and of how many bytes each at most."""
