from namesrv._fast.lane cimport Lane
from namesrv._fast.lane_system cimport pthread_t


cdef int start_thread(Lane* lane, pthread_t* thread) noexcept nogil
