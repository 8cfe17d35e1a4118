"""Probes and metrics: the health of the server, and its counters."""
