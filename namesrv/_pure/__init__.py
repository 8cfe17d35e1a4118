"""The hot path in Python: the reference that a compiled twin is held against.

May import the floors up to wire, and nothing else may import it but `namesrv._impl`.
"""
