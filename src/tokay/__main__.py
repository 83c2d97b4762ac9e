"""`python -m tokay` is `tokay`."""

from tokay.cli import main

main()
