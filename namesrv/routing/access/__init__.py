"""Rights of peers, and the record of changes and refusals."""
