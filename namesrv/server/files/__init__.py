"""Files, replaced as a whole or not at all, and the threads that write them."""
