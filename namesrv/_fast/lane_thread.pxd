cdef void* enter(void* place) noexcept nogil
