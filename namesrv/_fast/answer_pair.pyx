"""The two ready bodies of a topic's route, as lanes read them: without the GIL."""

from cpython.bytes cimport PyBytes_AsString, PyBytes_Size


cdef class AnswerPair:
    """The legacy and the standard body, None until it is made.

    Topics with equal bodies share a pair; `topics` is their number.
    """

    def __init__(self):
        raise TypeError("an AnswerPair is made by RouteAnswers only")


cdef AnswerPair answer_pair(bytes legacy, bytes standard):
    """A pair of no topic yet."""
    cdef AnswerPair made = AnswerPair.__new__(AnswerPair)
    made.legacy = legacy
    made.standard = standard
    if legacy is not None:
        made.bodies[0] = PyBytes_AsString(legacy)
        made.lengths[0] = PyBytes_Size(legacy)
    if standard is not None:
        made.bodies[1] = PyBytes_AsString(standard)
        made.lengths[1] = PyBytes_Size(standard)
    return made
