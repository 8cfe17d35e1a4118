"""What bytes mean: commands, headers, bodies and texts, without state, clock or I/O.

May import codes, errors and options.
"""
