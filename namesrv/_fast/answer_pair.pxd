"""The two ready bodies of a topic's route, as lanes read them: without the GIL.

Compiled only.
"""


cdef class AnswerPair:
    cdef readonly bytes legacy
    cdef readonly bytes standard
    # By dialect: legacy, standard. NULL: not made yet. The bytes keep the memory.
    cdef const char* bodies[2]
    cdef Py_ssize_t lengths[2]
    cdef Py_ssize_t topics


cdef AnswerPair answer_pair(bytes legacy, bytes standard)
