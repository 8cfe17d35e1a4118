"""Sockets that peers opened: listeners, protocols, limits, budgets, turns."""
