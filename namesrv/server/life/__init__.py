"""What a running server does by itself: ticks, its end, a reload."""
