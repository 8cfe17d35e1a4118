"""Connections that the server opens itself."""
