"""The life of a broker: it registers, is heard of, falls silent, unregisters."""
