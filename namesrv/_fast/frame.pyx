"""Bytes in, frames out (protocol.md section 1.1)."""
# The input that is kept is one piece of memory, which grows and is copied. A large body
# would be copied again and again until it is whole, and once more as the object that
# the cold path reads. From its first long piece on, pieces are kept as they came, and
# joined in that object. A short one is copied, because it may have memory pages of its
# own.

cimport cython

from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memmove

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AsString, PyBytes_FromStringAndSize, PyBytes_Size

from namesrv._fast.head cimport HeadView, view_head
from namesrv._fast.output cimport bytes_or_none

from namesrv import codes as known_codes
from namesrv.errors import (
    ConnectionFault,
    FrameTooLong,
    FrameTooShort,
    HeaderOverLimit,
    HeaderTooLong,
    SerializeTypeUnknown,
)
from namesrv.hot_path import (
    DEFAULT_HEADER_MAX_BYTES,
    Frame,
    check_bytes,
    check_size,
)

cdef int FLAG_RESPONSE = known_codes.FLAG_RESPONSE

cdef enum:
    LENGTH_BYTES = 4
    PREFIX_BYTES = 8
    KEPT_BYTES = 1 << 16
    LARGE_BODY_BYTES = 1 << 16
    LONG_PIECE_BYTES = 1 << 16


cdef inline unsigned int big_endian(const unsigned char* place) noexcept nogil:
    return (
        (<unsigned int>place[0] << 24)
        | (<unsigned int>place[1] << 16)
        | (<unsigned int>place[2] << 8)
        | <unsigned int>place[3]
    )


cdef char* write_piece(char* place, piece) except NULL:
    """Copy bytes or a bytearray; the place behind them."""
    cdef Py_buffer buffer
    PyObject_GetBuffer(piece, &buffer, PyBUF_SIMPLE)
    memcpy(place, buffer.buf, buffer.len)
    place += buffer.len
    PyBuffer_Release(&buffer)
    return place


@cython.no_gc  # Leads to bytes only.
cdef class FrameDecoder:
    """Splits a byte stream into frames.

    `frame_max_bytes` includes the four length bytes; a header of more than
    `header_max_bytes` is refused before the rest of its frame has come. Memory grows
    with the input, never with an announced length. Source: `NettyDecoder`.
    """

    def __init__(self, frame_max_bytes, header_max_bytes=DEFAULT_HEADER_MAX_BYTES):
        self._frame_max_bytes = check_size("frame_max_bytes", frame_max_bytes)
        self._header_max_bytes = check_size("header_max_bytes", header_max_bytes)

    def __dealloc__(self):
        free(self._owned)

    @property
    def buffered_bytes(self):
        """Bytes fed and not yet returned in frames."""
        return self.kept()

    def feed(self, data):
        """Append input."""
        check_bytes("data", data)
        self._keep(data)

    def next_frame(self):
        """The next whole frame, or None while it is incomplete.

        Raises FrameTooLong, FrameTooShort or HeaderOverLimit as soon as the length is
        known, and HeaderTooLong or SerializeTypeUnknown when the frame is complete.
        """
        cdef FrameView view
        if not self.next_view(&view):
            return None
        return self._frame_of(&view)

    def put_back(self):
        """Return the last frame again with the next call of `next_frame`."""
        self.undo()

    def release(self):
        """Free the memory of returned frames, for a connection that waits."""
        self.give_back()

    cdef object take_short(self, codes, Py_ssize_t longest_body):
        """The next frame if it is a request with one of these codes, whose body is
        shorter than that; else None, and it comes again."""
        cdef FrameView view
        cdef HeadView head
        try:
            if not self.next_view(&view):
                return None
        except ConnectionFault:
            return None
        if view.body_length < longest_body and view_head(
            view.serialize_type, view.header, view.header_length, &head
        ):
            if head.code in codes and not head.flag & FLAG_RESPONSE:
                return self._frame_of(&view)
        self.undo()
        return None

    cdef object _frame_of(self, FrameView* view):
        """The frame that `view` shows."""
        header = PyBytes_FromStringAndSize(<char*>view.header, view.header_length)
        return Frame(view.serialize_type, header, self.body_of(view))

    cdef object body_of(self, FrameView* view):
        """The body that `view` shows, or None if it has none."""
        if self._body is not None and view.body == <unsigned char*>self._body:
            return self._body
        return bytes_or_none(view.body, view.body_length)

    cdef Py_ssize_t kept(self) noexcept:
        """Bytes fed and not yet returned in frames."""
        cdef Py_ssize_t apart = 0
        if self._pieces is not None:
            apart = self._pieces_length
        elif self._body is not None and self._position == 0:
            apart = PyBytes_Size(self._body)
        return self._length - self._position + apart

    cdef void undo(self) noexcept:
        self._position = self._last_start

    cdef int give_back(self) except -1:
        if self._data != self._owned:
            return 0  # borrowed until settle copies the rest
        if self._position == self._length:
            self._free()
        elif self._position >= KEPT_BYTES or (
            self._position and self._body is not None
        ):
            self._append(NULL, 0)
            self._shrink()
        return 0

    cdef int borrow(self, bytes data) except -1:
        """Borrow the memory of `data` until `settle`, unless input is kept already."""
        if self._position < self._length:
            return self._keep(data)
        self._free()
        self._data = data
        self._length = PyBytes_Size(data)
        return 0

    cdef int settle(self) except -1:
        """Copy the rest of the borrowed memory, and give the memory back."""
        if self._position == self._length:
            self._free()
        elif self._data != self._owned:
            self._append(NULL, 0)
        self._last_start = self._position
        return 0

    cdef int _keep(self, bytes data) except -1:
        """Append to the pieces of a large body, or to the memory that is owned."""
        cdef const unsigned char* start = data
        cdef Py_ssize_t length = PyBytes_Size(data)
        cdef Py_ssize_t missing
        if self._pieces is None and (
            length < LONG_PIECE_BYTES or not self._begins_pieces()
        ):
            return self._append(start, length)
        missing = self._body_length - self._pieces_length
        missing -= self._length - self._head_length
        if length < missing:
            return self._keep_piece(data)
        self._join(start, missing)
        return self._append(start + missing, length - missing)

    cdef bint _begins_pieces(self) except -1:
        """Whether the owned memory is the start of a frame with a large body. If so,
        the body is kept in pieces from now on."""
        cdef Py_ssize_t frame_length
        if self._length - self._position < PREFIX_BYTES or self._data != self._owned:
            return False
        if self._body is not None and self._position == 0:
            return False
        if self._position:
            self._append(NULL, 0)
        frame_length = big_endian(self._owned)
        self._head_length = big_endian(self._owned + LENGTH_BYTES) & 0xFFFFFF
        if (
            frame_length > self._frame_max_bytes - LENGTH_BYTES
            or self._head_length > self._header_max_bytes
        ):
            return False
        self._head_length += PREFIX_BYTES
        self._body_length = LENGTH_BYTES + frame_length - self._head_length
        if (
            self._body_length < LARGE_BODY_BYTES
            or not self._head_length <= self._length < LENGTH_BYTES + frame_length
        ):
            return False
        self._pieces = []
        self._pieces_length = 0
        return True

    cdef int _keep_piece(self, bytes data) except -1:
        """Keep a long piece as it is, and short ones together until they are long."""
        cdef Py_ssize_t length = PyBytes_Size(data)
        if length >= LONG_PIECE_BYTES:
            self._pieces.append(data)
        elif length:
            last = self._pieces[-1] if self._pieces else b""
            if type(last) is bytes or len(last) >= LONG_PIECE_BYTES:
                last = bytearray()
                self._pieces.append(last)
            last += data
        self._pieces_length += length
        return 0

    cdef int _join(self, const unsigned char* rest, Py_ssize_t length) except -1:
        """Make the body of its pieces and the rest; only the head stays in memory that
        is owned."""
        cdef bytes body = PyBytes_FromStringAndSize(NULL, self._body_length)
        cdef Py_ssize_t begun = self._length - self._head_length
        cdef char* place = PyBytes_AsString(body)
        memcpy(place, self._owned + self._head_length, begun)
        place += begun
        for piece in self._pieces:
            place = write_piece(place, piece)
        memcpy(place, rest, length)
        self._body = body
        self._pieces = None
        self._length = self._head_length
        return self._shrink()

    cdef int _append(self, const unsigned char* data, Py_ssize_t length) except -1:
        """Own the rest of the input, followed by `data`."""
        cdef const unsigned char* rest = self._data + self._position
        cdef Py_ssize_t kept = self._length - self._position
        cdef bint is_owned = self._data == self._owned
        if self._position:
            self._body = None
        if is_owned and self._position and kept:
            memmove(self._owned, rest, kept)
        self._position = 0
        self._last_start = 0
        self._length = kept if is_owned else 0
        self._data = self._owned
        self._reserve(kept + length)
        if kept and not is_owned:
            memcpy(self._owned, rest, kept)
        if length:
            memcpy(self._owned + kept, data, length)
        self._length = kept + length
        return 0

    cdef int _reserve(self, Py_ssize_t wanted) except -1:
        cdef Py_ssize_t capacity
        cdef void* owned
        if wanted <= self._capacity:
            return 0
        capacity = max(wanted, self._capacity + (self._capacity >> 2))
        owned = realloc(self._owned, capacity)
        if owned == NULL:
            raise MemoryError()
        self._owned = <unsigned char*>owned
        self._capacity = capacity
        self._data = self._owned
        return 0

    cdef int _shrink(self) except -1:
        self._capacity = 0
        return self._reserve(self._length)

    cdef int next_view(self, FrameView* view) except -1:
        """Fill `view` with the next whole frame; 0 while it is incomplete."""
        cdef const unsigned char* start = self._data + self._position
        cdef Py_ssize_t available = self._length - self._position
        cdef Py_ssize_t frame_length
        cdef Py_ssize_t header_length
        if available < LENGTH_BYTES:
            self.give_back()
            return 0
        frame_length = big_endian(start)
        if frame_length > self._frame_max_bytes - LENGTH_BYTES:
            raise FrameTooLong(frame_length, self._frame_max_bytes)
        if frame_length < LENGTH_BYTES:
            raise FrameTooShort(frame_length)
        if available < PREFIX_BYTES:
            self.give_back()
            return 0
        header_length = big_endian(start + LENGTH_BYTES) & 0xFFFFFF
        if header_length > self._header_max_bytes:
            raise HeaderOverLimit(header_length, self._header_max_bytes)
        view.body = start + PREFIX_BYTES + header_length
        if self._body is not None and self._position == 0:
            view.body = self._body
            available += PyBytes_Size(self._body)
        if available < LENGTH_BYTES + frame_length:
            self.give_back()
            return 0
        if header_length > frame_length - LENGTH_BYTES:
            raise HeaderTooLong(header_length, frame_length)
        if start[LENGTH_BYTES] > 1:
            raise SerializeTypeUnknown(start[LENGTH_BYTES])
        view.serialize_type = start[LENGTH_BYTES]
        view.header = start + PREFIX_BYTES
        view.header_length = header_length
        view.body_length = frame_length - LENGTH_BYTES - header_length
        self._last_start = self._position
        self._position += PREFIX_BYTES + header_length
        if self._body is None or view.body != <unsigned char*>self._body:
            self._position += view.body_length
        return 1

    cdef void _free(self) noexcept:
        free(self._owned)
        self._owned = NULL
        self._body = None
        self._capacity = 0
        self._data = NULL
        self._position = 0
        self._last_start = 0
        self._length = 0
