"""A deterministic simulator of a NameServer's life: `make simulate`.

Real connections, processor and tables on a virtual clock and a virtual network, with
brokers and operators as actors; an independent oracle judges every answer. May import
`server` and `client` and what lies below them.
"""
