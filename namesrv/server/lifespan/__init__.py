"""The life of a server as others see it: a process, a thread, a check of the start."""
