"""JSON as Java's servers and clients read and write it."""
