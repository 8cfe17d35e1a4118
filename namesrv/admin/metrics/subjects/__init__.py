"""The metrics, by subject: each module has its rows of the table."""
