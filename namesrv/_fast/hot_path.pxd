from namesrv._fast.frame cimport FrameView
from namesrv._fast.head_shapes cimport HeadShapes
from namesrv._fast.live_table cimport BrokerLiveTable
from namesrv._fast.output cimport Output
from namesrv._fast.route_answers cimport RouteAnswers

cdef enum:
    CACHE_LINES = 128


cdef class HotPath:
    cdef public RouteAnswers route_answers
    cdef public BrokerLiveTable live_table
    cdef public object cold_path
    cdef public Py_ssize_t frame_max_bytes
    cdef public Py_ssize_t header_max_bytes
    cdef public bytes order_topic_body
    cdef public bytes digest
    cdef public bint turn_taken
    # Lanes read it; the loop writes the fields around it all the time.
    cdef char _before[CACHE_LINES]
    cdef int _hot_codes
    cdef char _after[CACHE_LINES]
    cdef readonly long long received_bytes
    cdef readonly long long sent_bytes
    cdef readonly long long heartbeats
    cdef readonly long long version_queries
    cdef readonly long long unchanged_registrations
    cdef long long _samples_left
    cdef long long _sample_stride
    cdef list _samples
    cdef Output _scratch
    cdef HeadShapes _shapes

    cdef int keep(self, FrameView* frame, str remote_address) except -1
    cdef int _plan_sample(self) except -1


cdef long long millis_of(object now_ms) except? -1
