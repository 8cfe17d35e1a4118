from namesrv._fast.output cimport Output


cdef bint append_success(
    Output* output, int opaque, const char* body, Py_ssize_t body_length
) noexcept nogil
cdef bint append_changed(
    Output* output, int opaque, bint changed, const char* body, Py_ssize_t body_length
) noexcept nogil
cdef bint append_topic_not_exist(
    Output* output, int opaque, const unsigned char* topic, Py_ssize_t length
) noexcept nogil
