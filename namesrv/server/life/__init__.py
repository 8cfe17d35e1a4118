"""Ticks, reload and end of a running server."""
