"""Ethernet in the place of the air: real interfaces of the network namespace we run in."""

from tokay.board.wired.radio import WiredRadio

__all__ = ["WiredRadio"]
