"""TLS on bytes: certificates, contexts, the layer in front of a connection."""
