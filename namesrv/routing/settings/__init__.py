"""What operators set: the KV table and the options that requests change."""
