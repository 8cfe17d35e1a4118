"""A client of any NameServer, Java's included, over remoting: blocking and small.

It is for commands that ask and end: no event loop, no msgspec, no dataclasses.
"""
