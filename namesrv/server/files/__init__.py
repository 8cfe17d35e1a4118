"""Files that are replaced whole or not at all, and the threads that write them."""
