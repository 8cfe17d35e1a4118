"""Lines for people: events, their two formats, and the threads that write them."""
