"""Peers: other NameServers, with which this one compares its tables."""
