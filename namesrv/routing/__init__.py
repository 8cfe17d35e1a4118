"""The state: what brokers said, what follows from it, and the requests that ask for it.

May import the floors up to `_impl`; time comes in as an argument, and what is to happen
outside goes out through the outbox.
"""
