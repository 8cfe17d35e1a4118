"""Snapshots of the routes as bytes: written group by group, read at a start."""
