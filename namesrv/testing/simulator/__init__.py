"""Histories on a virtual clock and network, judged by an oracle."""
