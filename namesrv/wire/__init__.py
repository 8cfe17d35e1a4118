"""The meaning of bytes: commands, headers, bodies, texts. No state, clock or I/O.

May import codes, errors and options.
"""
