"""The other side of the wire: what drives a device."""
