cdef struct FrameView:
    int serialize_type
    const unsigned char* header
    Py_ssize_t header_length
    const unsigned char* body
    Py_ssize_t body_length


cdef class FrameDecoder:
    cdef unsigned char* _owned
    cdef Py_ssize_t _capacity
    cdef const unsigned char* _data
    cdef Py_ssize_t _position
    cdef Py_ssize_t _length
    cdef Py_ssize_t _last_start
    cdef list _pieces
    cdef Py_ssize_t _pieces_length
    cdef bytes _body
    cdef Py_ssize_t _head_length
    cdef Py_ssize_t _body_length
    cdef Py_ssize_t _frame_max_bytes
    cdef Py_ssize_t _header_max_bytes

    cdef int borrow(self, bytes data) except -1
    cdef int settle(self) except -1
    cdef int next_view(self, FrameView* view) except -1
    cdef object take_short(self, codes, Py_ssize_t longest_body)
    cdef object body_of(self, FrameView* view)
    cdef Py_ssize_t kept(self) noexcept
    cdef void undo(self) noexcept
    cdef int give_back(self) except -1
    cdef object _frame_of(self, FrameView* view)
    cdef int _keep(self, bytes data) except -1
    cdef bint _begins_pieces(self) except -1
    cdef int _keep_piece(self, bytes data) except -1
    cdef int _join(self, const unsigned char* rest, Py_ssize_t length) except -1
    cdef int _shrink(self) except -1
    cdef int _append(self, const unsigned char* data, Py_ssize_t length) except -1
    cdef int _reserve(self, Py_ssize_t wanted) except -1
    cdef void _free(self) noexcept
