"""Brokers that register over HTTP: no connection owns them."""
