"""The one error of this package."""


class WpaCtrlError(Exception):
    """An answer or an event that cannot be read, or none in time. The text never holds a key."""
