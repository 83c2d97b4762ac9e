"""A device in a test: the pytest plugin and the clock that tests can turn."""
