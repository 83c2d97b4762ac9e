"""The tokay command."""
