"""Many devices run together."""
