"""The mask over what a client sends: exclusive-or with four repeated bytes (RFC 6455 section 5.3).

`apply_mask` of the websockets package does it in C. Its wheels for platforms without a compiler
lack that part; then one exclusive-or of two large integers does it, without another dependency.
docs/decisions.md has what each was measured at.
"""

from collections.abc import Callable

__all__ = ["mask", "mask_by_integer"]


def mask_by_integer(data: bytes | memoryview, key: bytes) -> bytes:
    """Return ``data`` masked, or unmasked, with a key of four bytes; in Python alone."""
    size = len(data)
    keys = int.from_bytes((key * (size // 4 + 1))[:size], "little")
    return (int.from_bytes(data, "little") ^ keys).to_bytes(size, "little")


def load_mask() -> Callable[[bytes | memoryview, bytes], bytes]:
    """Return the C function, or `mask_by_integer` where it is not to be had."""
    try:
        from websockets.speedups import apply_mask  # noqa: PLC0415 - it may be missing
    except ImportError:
        return mask_by_integer
    return apply_mask


_function: Callable[[bytes | memoryview, bytes], bytes] | None = None


def mask(data: bytes | memoryview, key: bytes) -> bytes:
    """Return ``data`` masked, or unmasked, with a key of four bytes."""
    global _function  # noqa: PLW0603 - loaded with the first frame: start-up time is measured
    if _function is None:
        _function = load_mask()
    return _function(data, key)
