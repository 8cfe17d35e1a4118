"""The state: the brokers' data, its answers, and the requests that ask for them.

May import the floors up to `_impl`; time comes in as an argument, and effects go
out through the outbox.
"""
