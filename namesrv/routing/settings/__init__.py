"""Settings of operators: the KV table and the options that requests change."""
