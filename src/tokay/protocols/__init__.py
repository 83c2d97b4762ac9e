"""Wire formats and state machines: bytes and events in, bytes and events out, and no I/O."""
