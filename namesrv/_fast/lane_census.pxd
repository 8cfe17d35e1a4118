from namesrv._fast.lane cimport Lane
from namesrv._fast.lane_peers cimport Address, Line


# A connection of a lane, copied.
cdef struct Row:
    Address address
    int version
    bint has_version
    bint has_sent
    long long read_ms
    Py_ssize_t kept_bytes


cdef class LaneCensus:
    cdef Row* _rows
    cdef Py_ssize_t _count
    cdef Py_ssize_t _capacity
    cdef Py_ssize_t _silent

    cdef int add_lane(self, Lane* lane) except -1
    cdef bint _add_line(self, Line* line) noexcept nogil


cdef object address_of(Address* address)
