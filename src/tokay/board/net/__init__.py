"""Sockets of this machine: what real and simulated links make them with."""
