from namesrv._fast.answer_pair cimport AnswerPair
from namesrv._fast.lane_locks cimport LaneLocks
from namesrv._fast.output cimport Output
from namesrv._fast.text_map cimport Slot, TextMap


cdef enum:
    SAMPLE = 2

cdef enum:
    UNKNOWN = -1
    NOT_READY = 0
    READY = 1


cdef class RouteAnswers:
    cdef LaneLocks locks
    cdef TextMap _topics
    cdef dict _pairs
    cdef dict _shared
    cdef Py_ssize_t _kept_bytes
    cdef Py_ssize_t _max_bytes
    cdef readonly long long hits
    cdef readonly long long unknown
    cdef readonly long long sample_at

    cdef int append_answer(
        self,
        Output* output,
        const unsigned char* topic,
        Py_ssize_t length,
        bint standard,
        int opaque,
    ) except -1
    cdef unsigned int hash_of(
        self, const unsigned char* topic, Py_ssize_t length
    ) noexcept nogil
    cdef void expect(self, unsigned int hash) noexcept nogil
    cdef int find_ready(
        self,
        const unsigned char* topic,
        Py_ssize_t length,
        unsigned int hash,
        bint standard,
        const char** body,
        Py_ssize_t* body_length,
    ) noexcept nogil
    cdef int _mark(self, object topic) except -1
    cdef int _forget(self, Slot* slot) except -1
    cdef AnswerPair _take(self, bytes legacy, bytes standard)
    cdef int _give_back(self, AnswerPair pair) except -1
    cdef bytes _take_body(self, bytes body)
    cdef int _give_back_body(self, bytes body) except -1
