"""A Gecko OS device in software."""
