"""The command OS: variables, commands, console, streams, files, log and settings."""
