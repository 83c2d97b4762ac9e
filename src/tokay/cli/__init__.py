"""The tokay command."""


def main() -> None:
    """Run the command line."""
    from tokay.cli.app import app  # noqa: PLC0415 - so that `import tokay.cli` costs nothing

    app()
