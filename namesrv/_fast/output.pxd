"""A growing buffer that answers are appended to.

Compiled only: C structs, no Python.
"""

cimport cython
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from cpython.bytes cimport PyBytes_AsString, PyBytes_FromStringAndSize, PyBytes_Size

from namesrv._fast.words cimport IS_LITTLE_ENDIAN, write_eight_digits

cdef struct Output:
    char* data
    Py_ssize_t length
    Py_ssize_t capacity


cdef struct Constant:
    const char* data  # of bytes that live as long as the module
    Py_ssize_t length


cdef inline Constant constant(bytes text):
    """The memory of a module's own bytes, so that a request needs no call of Python."""
    cdef Constant made
    made.data = PyBytes_AsString(text)
    made.length = PyBytes_Size(text)
    return made


cdef inline bint reserve(Output* out, Py_ssize_t more) noexcept nogil:
    """Make room for `more` bytes; 0 if memory is refused."""
    cdef Py_ssize_t capacity = out.capacity
    cdef void* data
    if out.length + more <= capacity:
        return True
    if capacity < 4096:
        capacity = 4096
    while capacity < out.length + more:
        capacity *= 2
    data = realloc(out.data, capacity)
    if data == NULL:
        return False
    out.data = <char*>data
    out.capacity = capacity
    return True


cdef inline int granted(bint memory) except -1:
    """Raise MemoryError if memory was refused."""
    if not memory:
        raise MemoryError()
    return 0


cdef inline void append(
    Output* out, const char* data, Py_ssize_t length
) noexcept nogil:
    """Append bytes for which room was reserved."""
    if length:
        memcpy(out.data + out.length, data, length)
        out.length += length


cdef inline void append_constant(Output* out, const Constant* text) noexcept nogil:
    """Append a constant for which room was reserved."""
    append(out, text.data, text.length)


@cython.cdivision(True)
cdef inline void append_int(Output* out, int value) noexcept nogil:
    """Append a decimal number; takes at most 11 bytes."""
    cdef unsigned int rest = <unsigned int>value
    cdef unsigned int limit = 10
    cdef int digits = 1
    cdef char* place
    if value < 0:
        out.data[out.length] = c"-"
        out.length += 1
        rest = 0 - rest
    while digits < 10 and rest >= limit:
        limit *= 10
        digits += 1
    out.length += digits
    # Digits go straight to their place: a copy of bytes just written stalls the CPU.
    place = out.data + out.length
    if digits >= 8 and IS_LITTLE_ENDIAN:
        digits -= 8
        place -= 8
        write_eight_digits(place, rest % <unsigned int>100000000)
        rest = rest // <unsigned int>100000000
    while digits:
        digits -= 1
        place -= 1
        place[0] = <char>(48 + rest % <unsigned int>10)
        rest = rest // <unsigned int>10


cdef inline void append_big_endian(Output* out, unsigned int value) noexcept nogil:
    """Append four bytes."""
    cdef char* place = out.data + out.length
    place[0] = <char>(value >> 24)
    place[1] = <char>((value >> 16) & 0xFF)
    place[2] = <char>((value >> 8) & 0xFF)
    place[3] = <char>(value & 0xFF)
    out.length += 4


cdef inline void patch_big_endian(
    Output* out, Py_ssize_t position, unsigned int value
) noexcept nogil:
    """Write four bytes at `position`, which was appended before."""
    cdef Py_ssize_t length = out.length
    out.length = position
    append_big_endian(out, value)
    out.length = length


cdef inline void release(Output* out) noexcept nogil:
    """Free the buffer."""
    free(out.data)
    out.data = NULL
    out.length = 0
    out.capacity = 0


cdef inline object bytes_or_none(const unsigned char* data, Py_ssize_t length):
    if length == 0:
        return None
    return PyBytes_FromStringAndSize(<const char*>data, length)


cdef inline int append_bytes(Output* output, bytes data) except -1:
    cdef Py_ssize_t length = PyBytes_Size(data)
    granted(reserve(output, length))
    append(output, PyBytes_AsString(data), length)
    return 0
