"""Answers that are kept ready: routes and lists of topics."""
