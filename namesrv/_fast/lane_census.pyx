"""The connections that lanes have at one moment, for those that list them."""

from libc.stdlib cimport free, realloc

from cpython.bytes cimport PyBytes_FromStringAndSize

from namesrv._fast.lane cimport Lane
from namesrv._fast.lane_peers cimport (
    Address, Line, Peer, head_of, pthread_mutex_lock, pthread_mutex_unlock,
)
from namesrv._fast.lane_system cimport AF_INET


cdef class LaneCensus:
    """Copies of connections. `silent` is the number of those without any input."""

    def __len__(self):
        return self._count

    def __dealloc__(self):
        free(self._rows)

    @property
    def silent(self):
        return self._silent

    def rows(self, start, stop):
        """Some of them: pairs of the address and (time of the last input, version of
        the client or None, bytes of kept input, whether there was input)."""
        cdef Py_ssize_t place
        cdef Row* row
        found = []
        for place in range(max(start, 0), min(stop, self._count)):
            row = &self._rows[place]
            version = row.version if row.has_version else None
            address = address_of(&row.address)
            sent = bool(row.has_sent)
            facts = row.read_ms, version, row.kept_bytes, sent
            found.append((address, facts))
        return found

    cdef int add_lane(self, Lane* lane) except -1:
        """Add the connections of one lane, which waits meanwhile. Raises
        MemoryError."""
        cdef bint has_memory
        with nogil:
            pthread_mutex_lock(&lane.lines)
            has_memory = self._add_line(&lane.quiet) and self._add_line(&lane.partial)
            pthread_mutex_unlock(&lane.lines)
        if not has_memory:
            raise MemoryError
        return 0

    cdef bint _add_line(self, Line* line) noexcept nogil:
        cdef Peer* peer = head_of(line)
        cdef void* rows
        while peer != NULL and peer != &line.ring:
            if self._count == self._capacity:
                rows = realloc(self._rows, (2 * self._count + 64) * sizeof(Row))
                if rows == NULL:
                    return False
                self._rows = <Row*>rows
                self._capacity = 2 * self._count + 64
            _fill(&self._rows[self._count], peer)
            self._count = self._count + 1
            if not peer.has_sent:
                self._silent = self._silent + 1
            peer = peer.next
        return True


cdef void _fill(Row* row, Peer* peer) noexcept nogil:
    row.address = peer.address
    row.version = peer.version
    row.has_version = peer.has_version
    row.has_sent = peer.has_sent
    row.read_ms = peer.read_ms
    row.kept_bytes = peer.input_length


cdef object address_of(Address* address):
    """(family, packed host, port, scope) of a socket's peer."""
    length = 4 if address.family == AF_INET else 16
    host = PyBytes_FromStringAndSize(<char*>address.host, length)
    return address.family, host, address.port, address.scope
