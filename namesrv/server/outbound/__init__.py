"""Outgoing connections: notifications of brokers, queries of another cluster."""
