"""What a user of fleets gets wrong."""


class FleetError(Exception):
    """A fleet that cannot run as asked: one clear line."""


class ScenarioError(FleetError):
    """A mistake in a scenario. ``path`` is where: keys, and indexes of tables in arrays."""

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.path = path
