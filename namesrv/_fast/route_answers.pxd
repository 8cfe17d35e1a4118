from namesrv._fast.output cimport Output
from namesrv._fast.text_map cimport TextMap


cdef enum:
    SAMPLE = 2


cdef class RouteAnswers:
    cdef TextMap _topics
    cdef object _kept
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
    cdef int _forget(self, str topic) except -1
    cdef tuple _take(self, tuple pair)
    cdef int _give_back(self, tuple pair) except -1
    cdef object _take_body(self, object body)
    cdef int _give_back_body(self, object body) except -1
