"""A server as a process, in a thread of another program, and checked beforehand."""
