"""Histories on a virtual clock and network, checked by an oracle."""
