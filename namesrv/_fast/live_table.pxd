from namesrv._fast.text_map cimport TextMap


cdef class BrokerLiveInfo:
    cdef public str cluster_name
    cdef public str broker_addr
    cdef public str broker_name
    cdef object _data_version
    cdef bint _has_version
    cdef long long _counter
    cdef long long _state_version
    cdef long long _timestamp
    cdef bytes _version_text
    cdef public object ha_server_addr
    cdef public object owner
    cdef public object digest
    cdef public object answer_ext_fields
    cdef public long long heartbeat_timeout_millis
    cdef public long long last_update_timestamp
    cdef public long long epoch

    cdef int compare_version(
        self, const unsigned char* place, Py_ssize_t length
    ) noexcept


cdef class BrokerLiveTable:
    cdef TextMap _brokers
    cdef dict _infos
    cdef long long _epoch

    cdef BrokerLiveInfo find(
        self,
        const unsigned char* cluster_name,
        Py_ssize_t cluster_length,
        const unsigned char* broker_addr,
        Py_ssize_t addr_length,
    )
