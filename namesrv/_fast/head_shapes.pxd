from namesrv._fast.head cimport HeadView
from namesrv._fast.scan cimport Text

cdef enum:
    MOST_SHAPES = 16
    MOST_HOLES = 16


cdef struct Hole:
    Py_ssize_t start  # of the constant text before it
    Py_ssize_t length
    int member


cdef struct HeadShape:
    unsigned char* text  # a header that was read in full
    int holes_count
    Hole holes[MOST_HOLES]
    Py_ssize_t tail_start
    Py_ssize_t tail_length
    HeadView head


cdef class HeadShapes:
    cdef HeadShape _shapes[MOST_SHAPES]
    cdef int _count
    cdef int _next

    cdef bint view(
        self,
        int* latest,
        int serialize_type,
        const unsigned char* header,
        Py_ssize_t length,
        HeadView* head,
    ) noexcept nogil
    cdef bint view_alike(
        self,
        int latest,
        int serialize_type,
        const unsigned char* header,
        Py_ssize_t length,
        HeadView* head,
    ) noexcept nogil
    cdef int _learn(
        self, int latest, const unsigned char* header, Py_ssize_t length
    ) noexcept nogil
