"""The API: one table of endpoints, from which all else follows."""
