cimport cython


# It refers to texts and records only, which lead back to no topic.
@cython.no_gc
cdef class TopicQueues:
    cdef public str topic
    cdef public object queues
    cdef public unsigned int number
    cdef public bint is_answered
    cdef unsigned int _seen
