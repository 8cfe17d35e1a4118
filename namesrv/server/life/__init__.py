"""The life of a running server: ticks, its end, a reload."""
