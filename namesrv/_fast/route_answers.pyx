"""topic -> answer bytes of GET_ROUTEINFO_BY_TOPIC (105), in both dialects.

Routing says which topics have a route (`mark`) and which have none (`remove`); whoever
makes an answer's body puts it in. Bodies are kept within a budget of bytes, the topics
that were answered first go first. A topic that nobody marked gets code 17, which is
built and never stored.
"""

from collections import OrderedDict

from cpython.bytes cimport PyBytes_AsString, PyBytes_Size
from cpython.ref cimport PyObject

from namesrv._fast.answer_frames cimport append_success, append_topic_not_exist
from namesrv._fast.output cimport Output
from namesrv._fast.text_map cimport TextMap

from namesrv.hot_path import (
    check_bool,
    check_bytes,
    check_int32,
    check_size,
    check_text,
)
from namesrv.wire.answer_frames import (
    answer_frame,
    success_header,
    topic_not_exist_header,
)

cdef tuple _NO_BODIES = (None, None)

cdef extern from *:
    # Cython's own declaration takes a reference.
    PyObject* PyTuple_GetItem(object, Py_ssize_t) except NULL


cdef class RouteAnswers:
    """Ready answers by topic; `max_bytes` bounds the bodies that are kept.

    `standard` chooses the dialect with quoted numeric keys (section 1.8).
    """

    def __init__(self, max_bytes):
        self._max_bytes = check_size("max_bytes", max_bytes)
        self._kept_bytes = 0
        self._topics = TextMap()
        self._kept = OrderedDict()

    def __len__(self):
        return len(self._topics)

    @property
    def kept_bytes(self):
        """Bytes of all bodies that are kept."""
        return self._kept_bytes

    def mark(self, topic):
        """The topic has a route, and whatever was answered before is out of date."""
        cdef void* bodies
        check_text("topic", topic)
        bodies = self._topics.find_texts(topic, "")
        if bodies != <void*>_NO_BODIES:
            self._forget(topic)
            self._topics.put(topic, "", _NO_BODIES)

    def remove(self, topic):
        """The topic has no route any more."""
        check_text("topic", topic)
        self._forget(topic)
        self._topics.pop(topic, "")

    def forget_bodies(self):
        """Everything answered so far is out of date; the topics stay."""
        for topic in list(self._kept):
            self.mark(topic)

    def put(self, topic, standard, body):
        """Keep the body of a marked topic's answer, if the budget has room for it."""
        cdef void* bodies
        check_text("topic", topic)
        check_bool("standard", standard)
        check_bytes("body", body)
        bodies = self._topics.find_texts(topic, "")
        if bodies == NULL or len(body) > self._max_bytes:
            return
        legacy_body, standard_body = <tuple>bodies
        old = standard_body if standard else legacy_body
        new = (legacy_body, body) if standard else (body, standard_body)
        self._topics.put(topic, "", new)
        self._kept[topic] = None
        self._kept_bytes += len(body) - len(old or b"")
        while self._kept_bytes > self._max_bytes:
            self.mark(next(iter(self._kept)))

    def answer(self, topic, standard, opaque):
        """The whole answer frame; None when somebody must make the body first."""
        cdef void* bodies
        check_text("topic", topic)
        check_bool("standard", standard)
        check_int32("opaque", opaque)
        bodies = self._topics.find_texts(topic, "")
        if bodies == NULL:
            return answer_frame(topic_not_exist_header(topic, opaque), b"")
        body = (<tuple>bodies)[1 if standard else 0]
        return None if body is None else answer_frame(success_header(opaque), body)

    cdef int append_answer(
        self,
        Output* output,
        const unsigned char* topic,
        Py_ssize_t length,
        bint standard,
        int opaque,
    ) except -1:
        """As `answer` for a printable ASCII topic; 0 when there is no body yet."""
        cdef void* bodies = self._topics.find(topic, length, NULL, 0)
        cdef PyObject* body
        if bodies == NULL:
            append_topic_not_exist(output, opaque, topic, length)
            return 1
        # Borrowed: nothing from here on runs Python code.
        body = PyTuple_GetItem(<object>bodies, 1 if standard else 0)
        if body == <PyObject*>None:
            return 0
        append_success(
            output,
            opaque,
            PyBytes_AsString(<object>body),
            PyBytes_Size(<object>body),
        )
        return 1

    cdef int _forget(self, str topic) except -1:
        cdef void* bodies = self._topics.find_texts(topic, "")
        if bodies != NULL:
            for body in <tuple>bodies:
                if body is not None:
                    self._kept_bytes -= len(body)
        self._kept.pop(topic, None)
        return 0
