"""The tables of routes, the indexes beside them, and their limits."""
