"""Cores for lanes: their threads share them with the loop, and often have to wait.

From version 6.12 on Linux gives a thread that wakes up the core of another one if its
slice ends sooner, in most cases. So a lane has the shortest slice there is, and the
loop a long one. Otherwise lookups that come near the end of the loop's slice wait for
the next tick of the clock, which may take 4 ms. A longer one yet would be of little
use, and in some versions a thread that is left out waits for the end of the slice.

Compiled only, Linux only: no Python.
"""

from namesrv._fast.atomic cimport load_count
from namesrv._fast.lane cimport Lane
from namesrv._fast.lane_system cimport (
    POLLIN, change_slice, monotonic_nanos, poll, pollfd, sched_getcpu, sleep_shortly,
    this_thread,
)

cdef enum:
    MOST_SEEN = 64
    SHARE = 10
    LANE_SLICE_NANOS = 100000
    LOOP_SLICE_NANOS = 20000000


# A thread that gives way to lanes, and its slice before.
cdef struct GivingWay:
    int thread
    unsigned long long nanos


cdef inline void go_first() noexcept nogil:
    """Have this thread, a lane, go before the loop when it wakes up."""
    change_slice(0, LANE_SLICE_NANOS)


cdef inline GivingWay give_way() noexcept nogil:
    """Have this thread give way to lanes, and those that it starts from now on."""
    cdef GivingWay giving_way
    giving_way.thread = this_thread()
    giving_way.nanos = change_slice(0, LOOP_SLICE_NANOS)
    return giving_way


cdef inline void stop_giving_way(GivingWay* giving_way) noexcept nogil:
    """Give the thread the slice that it had before, if it gives way."""
    if giving_way.nanos:
        change_slice(giving_way.thread, giving_way.nanos)
        giving_way.nanos = 0


cdef inline bint has_waiting(Lane* lanes, int count) noexcept nogil:
    """Whether one of these lanes waits for a core, or is about to read: it has input
    and is not awake, or woke up on this core, which it does not have now."""
    cdef pollfd waiting[MOST_SEEN]
    cdef int number, asleep = 0
    cdef long long core = sched_getcpu()
    for number in range(min(count, MOST_SEEN)):
        if not load_count(&lanes[number].is_awake):
            waiting[asleep].fd = lanes[number].epoll
            waiting[asleep].events = POLLIN
            asleep += 1
        elif load_count(&lanes[number].core) == core:
            return True
    return asleep > 0 and poll(waiting, asleep, 0) > 0


cdef inline bint leave_core(long long* again_nanos) noexcept nogil:
    """Sleep for some 30 microseconds, unless it is too early: the core is left for a
    tenth of the time at most. A lane with very much input keeps it for longer than one
    turn of the loop."""
    cdef long long began_nanos = monotonic_nanos(), ended_nanos
    if began_nanos < again_nanos[0]:
        return False
    sleep_shortly()
    ended_nanos = monotonic_nanos()
    again_nanos[0] = ended_nanos + SHARE * (ended_nanos - began_nanos)
    return True
