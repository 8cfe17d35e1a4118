"""One small function for each request code, and the table that finds it."""
