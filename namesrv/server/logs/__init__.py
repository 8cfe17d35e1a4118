"""The log: events, their two formats, and the threads that write the lines."""
