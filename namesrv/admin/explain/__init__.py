"""Explanations over HTTP: evidence from the tables and the history."""
