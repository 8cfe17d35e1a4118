# cython: nonecheck=False, cdivision=True
"""A mutex for each lookup lane, which the writer of ready answers takes all of."""

from libc.stdlib cimport calloc, free


cdef class LaneLocks:
    """The locks of all lanes; without lanes locking costs a comparison.

    The writer is one thread, the loop's, and alone adds lanes: each before its thread
    starts. A lane stays for as long as the object.
    """

    def __dealloc__(self):
        cdef int lane
        for lane in range(self._lanes):
            pthread_mutex_destroy(&self._locks[lane].mutex)
        free(self._memory)

    def __len__(self):
        return self._lanes

    cdef int add_lane(self) except -1:
        """The number of a new lane. Raises MemoryError, also beyond MOST_LANES."""
        cdef size_t place
        if self._memory == NULL:
            self._memory = calloc(MOST_LANES + 1, sizeof(Lock))
            place = <size_t>self._memory + LOCK_BYTES - 1
            self._locks = <Lock*>(place - place % LOCK_BYTES)
        if self._memory == NULL or self._lanes == MOST_LANES:
            raise MemoryError()
        if pthread_mutex_init(&self._locks[self._lanes].mutex, NULL) != 0:
            raise MemoryError()
        self._lanes += 1
        return self._lanes - 1

    cdef void lock_one(self, int lane) noexcept nogil:
        """The lane begins to read."""
        pthread_mutex_lock(&self._locks[lane].mutex)

    cdef void unlock_one(self, int lane) noexcept nogil:
        """The lane has its copy."""
        pthread_mutex_unlock(&self._locks[lane].mutex)

    cdef void lock_all(self) noexcept nogil:
        """The writer begins a change; waits for each lane that reads."""
        cdef int lane
        for lane in range(self._lanes):
            pthread_mutex_lock(&self._locks[lane].mutex)

    cdef void unlock_all(self) noexcept nogil:
        """The change is whole."""
        cdef int lane
        for lane in range(self._lanes):
            pthread_mutex_unlock(&self._locks[lane].mutex)
