"""Sockets, timers, files and logs around the state.

May import everything below it; admin, testing and cli stand on it.
"""
