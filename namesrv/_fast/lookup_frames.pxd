"""The length of a frame that may be a lookup. Compiled only."""

from namesrv._fast.scan cimport big_endian


cdef enum:
    LENGTH_BYTES = 4
    PREFIX_BYTES = 8

# In place of the bytes of a frame.
cdef enum:
    PART = 0
    UNUSUAL = -1


cdef inline Py_ssize_t frame_bytes(
    const unsigned char* place, Py_ssize_t available, Py_ssize_t longest_header
) noexcept nogil:
    """Bytes of a frame that is whole, has a header and nothing else; PART while it is
    not whole, UNUSUAL as soon as it is another one."""
    cdef Py_ssize_t header_length
    if available < LENGTH_BYTES:
        # The first byte of other protocols is no 0; a wait for more is the loop's.
        if available and place[0] != 0:
            return UNUSUAL
        return PART
    header_length = <Py_ssize_t>big_endian(place, 4) - LENGTH_BYTES
    if header_length < 0 or header_length > longest_header:
        return UNUSUAL
    if available < PREFIX_BYTES:
        return PART
    if place[LENGTH_BYTES] > 1 or big_endian(place + 5, 3) != header_length:
        return UNUSUAL
    if available < PREFIX_BYTES + header_length:
        return PART
    return PREFIX_BYTES + header_length
