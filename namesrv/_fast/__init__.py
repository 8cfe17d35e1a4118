"""The hot path, compiled: the twins of the modules in `_pure`, name by name.

May import the floors up to `wire`; only `_impl` imports it.
"""
