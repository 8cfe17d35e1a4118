cimport cython

from namesrv._fast.head cimport HeadView
from namesrv._fast.head_shapes cimport HeadShapes
from namesrv._fast.hot_path cimport HotPath
from namesrv._fast.lane_locks cimport LaneLocks
from namesrv._fast.output cimport Output
from namesrv._fast.route_answers cimport RouteAnswers

# The members of hot_path.Verdict.
cdef enum:
    GO_ON = 0
    ASK = 1
    HAND_OVER = 2
    PAUSE = 3

cdef enum:
    MOST_SAMPLES = 8


# The lookup at the place where the last one ended; `size` is the bytes of its frame,
# or PART or UNUSUAL.
cdef struct Request:
    bint is_read
    Py_ssize_t size
    HeadView head
    unsigned int hash


# A lookup of an unknown topic that is wanted as a sample; its header is in the data.
cdef struct Sample:
    int serialize_type
    Py_ssize_t header_start
    Py_ssize_t header_length


# A wish of the loop. A lane takes it over when the number of the wish is a new one.
cdef struct SampleWish:
    int number
    long long most
    long long stride


@cython.final
cdef class Lookups:
    # About the last call of answer.
    cdef readonly int client_version
    cdef int samples_count
    cdef Sample sample_views[MOST_SAMPLES]

    cdef HotPath _hot
    cdef RouteAnswers _answers
    cdef LaneLocks _locks
    cdef HeadShapes _shapes
    cdef Py_ssize_t _longest_header
    cdef int _lane
    cdef int _latest_shape
    cdef SampleWish _wish
    cdef int _seen_wish
    cdef long long _samples_left
    cdef long long _until_sample
    # The lane writes them, the loop reads them.
    cdef long long _hits
    cdef long long _unknown
    cdef long long _received_bytes
    cdef long long _sent_bytes
    cdef bint _has_lock
    # About the last call of receive.
    cdef Output _output
    cdef readonly int verdict
    cdef readonly bytes rest
    cdef readonly Py_ssize_t asked
    cdef readonly list samples

    cdef int answer(
        self,
        int* latest_shape,
        const unsigned char* data,
        Py_ssize_t length,
        Output* output,
        Py_ssize_t* answered,
        Py_ssize_t* asked,
    ) noexcept nogil
    cdef void _lock(self) noexcept nogil
    cdef void _unlock(self) noexcept nogil
    cdef Py_ssize_t _view(
        self,
        int* latest_shape,
        const unsigned char* place,
        Py_ssize_t available,
        HeadView* head,
    ) noexcept nogil
    cdef void _read(
        self,
        int* latest_shape,
        const unsigned char* place,
        Py_ssize_t available,
        Request* request,
    ) noexcept nogil
    cdef void _read_ahead(
        self,
        int latest_shape,
        const unsigned char* place,
        Py_ssize_t available,
        Request* request,
    ) noexcept nogil
    cdef Py_ssize_t _more_to_ask(
        self, int* latest_shape, const unsigned char* place, Py_ssize_t available
    ) noexcept nogil
    cdef int _answer_one(
        self, Request* request, const Request* following, Output* output
    ) noexcept nogil
    cdef bint _is_sample(self) noexcept nogil
    cdef void _note_sample(
        self, const unsigned char* place, Py_ssize_t start, Py_ssize_t frame_bytes
    ) noexcept nogil
