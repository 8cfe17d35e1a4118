"""HTTP/1.1 of one connection: bytes to requests, answers to bytes, and who may ask."""
