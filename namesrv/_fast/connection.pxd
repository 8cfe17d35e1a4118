from namesrv._fast.frame cimport FrameDecoder, FrameView
from namesrv._fast.head cimport HeadView
from namesrv._fast.hot_path cimport HotPath
from namesrv._fast.live_table cimport BrokerLiveInfo
from namesrv._fast.output cimport Output


cdef class Connection:
    cdef object __weakref__
    cdef HotPath _hot
    cdef FrameDecoder _decoder
    cdef Py_ssize_t _noted_bytes
    cdef int _latest_shape
    cdef public object fault
    cdef public bint finished
    cdef public int pause
    cdef public bint has_side_effects
    cdef public long long last_active_ms
    cdef public long long read_ms
    cdef public int waiting_code
    cdef public long long progress_ms
    cdef public int client_version
    cdef public object brokers
    cdef public str remote_address
    cdef public str socket_address

    cdef bytes _run(self, bytes first, long long now_ms)
    cdef int _answer_frames(self, Output* output, long long now_ms) except -1
    cdef int _handle(self, FrameView* frame, Output* output, long long now_ms) except -1
    cdef int _cold(self, FrameView* frame, Output* output, long long now_ms) except -1
    cdef bint _take_turn(self, HeadView* head) except -1
    cdef int _put_back(self) except -1
    cdef int _hot_answer(
        self, FrameView* frame, HeadView* head, Output* output, long long now_ms
    ) except -1
    cdef int _route(self, HeadView* head, Output* output) except -1
    cdef int _heartbeat(
        self, HeadView* head, Output* output, long long now_ms
    ) except -1
    cdef int _query_data_version(
        self, FrameView* frame, HeadView* head, Output* output, long long now_ms
    ) except -1
    cdef int _repeated_registration(
        self, FrameView* frame, HeadView* head, Output* output, long long now_ms
    ) except -1
    cdef void _note_buffered(self, Py_ssize_t received, long long now_ms) noexcept
    cdef BrokerLiveInfo _live_info(self, HeadView* head)
