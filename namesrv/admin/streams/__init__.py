"""Answers of HTTP that take their time: streams of events, waits for routes."""
