from namesrv._fast.scan cimport Members, Text


cdef struct HeadView:
    int code
    int version
    int opaque
    int flag
    bint has_ext_fields
    Text topic
    Text accept_standard_json_only
    Text zone_mode
    Text cluster_name
    Text broker_addr


cdef bint view_head(
    int serialize_type,
    const unsigned char* header,
    Py_ssize_t length,
    HeadView* head,
) noexcept nogil
cdef bint view_members(
    int serialize_type,
    const unsigned char* header,
    Py_ssize_t length,
    HeadView* head,
    Members* members,
) noexcept nogil
cdef dict ext_fields_of(
    int serialize_type, const unsigned char* header, Py_ssize_t length
)
