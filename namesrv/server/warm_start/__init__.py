"""When snapshots are packed and written."""
