"""HTTP beside the remoting protocol: the port, the API and the metrics.

A companion of the server, composed in `cli/serve.py`. Nothing of it is imported before
the first HTTP connection, but for `companion`.
"""
