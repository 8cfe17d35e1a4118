"""Cores for lanes: their threads share them with the loop, and often have to wait.

Compiled only, Linux only: no Python.
"""

from namesrv._fast.atomic cimport load_count
from namesrv._fast.lane cimport Lane
from namesrv._fast.lane_system cimport POLLIN, nanosleep, poll, pollfd, timespec

cdef enum:
    MOST_SEEN = 64


cdef inline bint has_waiting(Lane* lanes, int count) noexcept nogil:
    """Whether one of these lanes has input, and no core to read it."""
    cdef pollfd waiting[MOST_SEEN]
    cdef int number, asleep = 0
    for number in range(min(count, MOST_SEEN)):
        if not load_count(&lanes[number].is_awake):
            waiting[asleep].fd = lanes[number].epoll
            waiting[asleep].events = POLLIN
            asleep += 1
    return asleep > 0 and poll(waiting, asleep, 0) > 0


cdef inline void leave_core() noexcept nogil:
    """Sleep as shortly as the system can, which is some microseconds."""
    cdef timespec moment
    moment.tv_sec = 0
    moment.tv_nsec = 1
    nanosleep(&moment, NULL)
