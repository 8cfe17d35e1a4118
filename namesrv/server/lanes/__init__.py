"""Lookup lanes on the side of the loop: their connections, questions and counts."""
