"""The one error of an airspace."""


class AirspaceError(ValueError):
    """An airspace that cannot be: one line that names the key, and the file if there is one."""
