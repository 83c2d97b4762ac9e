"""One folder a feature: its variables, its commands, its service."""
