"""A deterministic simulator of a NameServer's life: `make simulate`.

Real connections, processor and tables run on a virtual clock and a virtual network,
with simulated brokers and operators; an independent oracle checks every answer. May
import `server`, `client` and the floors below them.
"""
