"""Turns of the loop: their units of work, and the work that goes on in the next."""
