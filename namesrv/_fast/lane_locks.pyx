# cython: nonecheck=False, cdivision=True
"""A mutex for each lookup lane, which the writer of ready answers takes all of."""

from libc.stdlib cimport calloc, free

from namesrv._fast.atomic cimport load, store


cdef class LaneLocks:
    """The locks of all lanes; without lanes locking costs a comparison.

    The writer is one thread, the loop's, and alone adds lanes: each before its thread
    starts. A lane stays for as long as the object.
    """

    def __dealloc__(self):
        cdef int lane
        for lane in range(self._lanes):
            pthread_mutex_destroy(&self._locks[lane].mutex)
        if self._gate != NULL:
            pthread_mutex_destroy(&self._gate.mutex)
        free(self._memory)

    def __len__(self):
        return self._lanes

    cdef int add_lane(self) except -1:
        """The number of a new lane. Raises MemoryError, also beyond MOST_LANES."""
        if self._lanes == MOST_LANES:
            raise MemoryError()
        if self._gate == NULL:
            self._make_gate()
        if pthread_mutex_init(&self._locks[self._lanes].mutex, NULL) != 0:
            raise MemoryError()
        self._lanes += 1
        return self._lanes - 1

    cdef int _make_gate(self) except -1:
        """Memory for all locks, the gate behind them."""
        cdef size_t place
        if self._memory == NULL:
            self._memory = calloc(MOST_LANES + 2, sizeof(Lock))
        if self._memory == NULL:
            raise MemoryError()
        place = <size_t>self._memory + LOCK_BYTES - 1
        self._locks = <Lock*>(place - place % LOCK_BYTES)
        gate = <Gate*>&self._locks[MOST_LANES]
        if pthread_mutex_init(&gate.mutex, NULL) != 0:
            raise MemoryError()
        self._gate = gate
        return 0

    cdef void lock_one(self, int lane) noexcept nogil:
        """The lane begins to read, after a writer that wants to change something."""
        if self.is_wanted():
            take(&self._gate.mutex)
            pthread_mutex_unlock(&self._gate.mutex)
        take(&self._locks[lane].mutex)

    cdef bint is_wanted(self) noexcept nogil:
        """Whether a writer waits for a lane that reads."""
        return load(&self._gate.is_closed)

    cdef void unlock_one(self, int lane) noexcept nogil:
        """The lane has its copy."""
        pthread_mutex_unlock(&self._locks[lane].mutex)

    cdef void lock_all(self) noexcept nogil:
        """The writer begins a change. It waits for one answer of each lane at most."""
        cdef int lane
        if self._lanes == 0:
            return
        take(&self._gate.mutex)
        store(&self._gate.is_closed, True)
        for lane in range(self._lanes):
            take(&self._locks[lane].mutex)

    cdef void unlock_all(self) noexcept nogil:
        """The change is whole."""
        cdef int lane
        if self._lanes == 0:
            return
        for lane in range(self._lanes):
            pthread_mutex_unlock(&self._locks[lane].mutex)
        store(&self._gate.is_closed, False)
        pthread_mutex_unlock(&self._gate.mutex)
