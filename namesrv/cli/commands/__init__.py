"""The commands that ask a NameServer, from one table."""
