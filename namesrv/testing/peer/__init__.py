"""Bytes as brokers, clients and servers send them; shares no code with `wire`."""
