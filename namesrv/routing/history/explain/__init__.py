"""Why is there no route? Evidence about a name, and the likely causes."""
