"""A mutex for each lookup lane, which the writer of ready answers takes all of.

Compiled only. A lane holds its own one while it finds and copies answers, and gives it
up between two of them if the writer wants it; the loop holds all of them while it
changes a slot. No function here needs the GIL, and nobody waits for the GIL while it
holds a lock.

A mutex is not fair: the lane that has just given it up would take it again before the
writer wakes. So the writer closes a gate first, which is one lock more, and a lane that
finds the gate closed waits there.
"""

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass

    int pthread_mutex_init(pthread_mutex_t*, const void*)
    int pthread_mutex_destroy(pthread_mutex_t*)
    int pthread_mutex_lock(pthread_mutex_t*)
    int pthread_mutex_trylock(pthread_mutex_t*)
    int pthread_mutex_unlock(pthread_mutex_t*)


cdef extern from * nogil:
    """
    #if defined(__x86_64__) || defined(__i386__)
    #define lane_locks_pause() __builtin_ia32_pause()
    #elif defined(__aarch64__) && defined(__GNUC__)
    #define lane_locks_pause() __asm__ __volatile__("yield")
    #else
    #define lane_locks_pause() ((void)0)
    #endif
    """
    void pause_shortly "lane_locks_pause"()


cdef enum:
    LOCK_BYTES = 128
    MOST_LANES = 64
    MOST_TRIES = 100


cdef inline void take(pthread_mutex_t* mutex) noexcept nogil:
    """Lock a mutex. Others have it for shorter than a wait by the system would take in
    most cases, so that some tries come first."""
    cdef int _
    for _ in range(MOST_TRIES):
        if pthread_mutex_trylock(mutex) == 0:
            return
        pause_shortly()
    pthread_mutex_lock(mutex)


# Has cache lines of its own, two because processors fetch pairs of lines.
cdef union Lock:
    pthread_mutex_t mutex
    char room[LOCK_BYTES]


# In the memory of a lock. Nobody but the writer changes `is_closed`.
cdef struct Gate:
    pthread_mutex_t mutex
    int is_closed


cdef class LaneLocks:
    cdef void* _memory
    cdef Lock* _locks
    cdef Gate* _gate
    cdef int _lanes

    cdef int add_lane(self) except -1
    cdef int _make_gate(self) except -1
    cdef void lock_one(self, int lane) noexcept nogil
    cdef bint is_wanted(self) noexcept nogil
    cdef void unlock_one(self, int lane) noexcept nogil
    cdef void lock_all(self) noexcept nogil
    cdef void unlock_all(self) noexcept nogil
