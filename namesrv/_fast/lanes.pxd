from namesrv._fast.hot_path cimport HotPath
from namesrv._fast.lane cimport Lane, Shared
from namesrv._fast.lane_cores cimport GivingWay
from namesrv._fast.lane_peers cimport Peer
from namesrv._fast.lane_system cimport pthread_t


cdef class LanePeer:
    cdef Peer* _peer
    cdef Lanes _lanes


cdef class Lanes:
    cdef HotPath _hot
    cdef list _lookups
    # From then on the loop may leave its core again.
    cdef long long _again_nanos
    cdef GivingWay _giving_way
    # The counts that are folded already.
    cdef long long _hits
    cdef long long _unknown
    cdef long long _received_bytes
    cdef long long _sent_bytes
    cdef Shared* _shared
    cdef Lane* _lanes
    cdef pthread_t* _threads
    cdef int _count
    cdef int _running
    cdef Peer* _taken

    cdef int _open_lane(self, int number) except -1
    cdef int _start_thread(self, int number) except -1
    cdef void _end_threads(self) noexcept
    cdef void _decided(self) noexcept
    cdef void _release(self, Peer* peer) noexcept
