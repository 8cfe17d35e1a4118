"""topic -> answer bytes of GET_ROUTEINFO_BY_TOPIC (105), in both dialects.

Routing marks topics that have a route (`mark`), unmarks the others (`remove`), and puts
in the bodies of answers. Equal bodies are kept once, because many topics have the same
queues on the same brokers. A byte budget limits the bodies; the topics answered first
are evicted first. A topic without a mark gets code 17, which is built and never
stored.
"""

from collections import OrderedDict

from cpython.bytes cimport PyBytes_AsString, PyBytes_Size
from cpython.ref cimport PyObject

from namesrv._fast.answer_frames cimport append_success, append_topic_not_exist
from namesrv._fast.output cimport Output, granted
from namesrv._fast.text_map cimport TextMap

from namesrv.hot_path import (
    NO_SAMPLE,
    check_bool,
    check_bytes,
    check_int32,
    check_int64,
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
    # The declaration of Cython takes a reference.
    PyObject* PyTuple_GetItem(object, Py_ssize_t) except NULL


cdef class RouteAnswers:
    """Ready answers by topic; `max_bytes` limits the kept bodies.

    `standard` chooses the dialect with quoted numeric keys (section 1.8). `hits` counts
    answers with a kept body, `unknown` those for topics without a route. The lookup
    that brings `unknown` to `sample_at` is wanted as a sample (NO_SAMPLE: none is).
    """

    def __init__(self, max_bytes):
        self._max_bytes = check_size("max_bytes", max_bytes)
        self._kept_bytes = 0
        self.hits = self.unknown = 0
        self.sample_at = NO_SAMPLE
        self._topics = TextMap()
        self._kept = OrderedDict()
        # Each pair of bodies with its number of topics, and each body with its number
        # of pairs.
        self._pairs = {}
        self._shared = {}

    def __len__(self):
        return len(self._topics)

    @property
    def kept_bytes(self):
        """Bytes of all bodies that are kept, equal ones counted once."""
        return self._kept_bytes

    @property
    def kept_topics(self):
        """Topics with a kept body, at least of one dialect."""
        return len(self._kept)

    def mark(self, topic):
        """The topic has a route; earlier answers are out of date."""
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
        """All answers so far are out of date; the topics stay."""
        for topic in list(self._kept):
            self.mark(topic)

    def put(self, topic, standard, body):
        """Keep the body of a marked topic's answer, if it fits the budget."""
        cdef void* found
        cdef tuple bodies
        check_text("topic", topic)
        check_bool("standard", standard)
        check_bytes("body", body)
        found = self._topics.find_texts(topic, "")
        if found == NULL or len(body) > self._max_bytes:
            return
        bodies = <tuple>found
        legacy_body, standard_body = bodies
        pair = (legacy_body, body) if standard else (body, standard_body)
        self._topics.put(topic, "", self._take(pair))
        self._give_back(bodies)
        self._kept[topic] = None
        while self._kept_bytes > self._max_bytes:
            self.mark(next(iter(self._kept)))

    def sample_after(self, lookups):
        """Want a sample after so many lookups of unknown topics, -1 for none."""
        check_int64("lookups", lookups)
        wanted = 0 <= lookups < NO_SAMPLE
        self.sample_at = self.unknown + lookups if wanted else NO_SAMPLE

    def answer(self, topic, standard, opaque):
        """The whole answer frame; None if the body must be made first."""
        cdef void* bodies
        check_text("topic", topic)
        check_bool("standard", standard)
        check_int32("opaque", opaque)
        bodies = self._topics.find_texts(topic, "")
        if bodies == NULL:
            self.unknown += 1
            return answer_frame(topic_not_exist_header(topic, opaque), b"")
        body = (<tuple>bodies)[1 if standard else 0]
        if body is None:
            return None
        self.hits += 1
        return answer_frame(success_header(opaque), body)

    cdef int append_answer(
        self,
        Output* output,
        const unsigned char* topic,
        Py_ssize_t length,
        bint standard,
        int opaque,
    ) except -1:
        """As `answer`, for a printable ASCII topic; 0 if there is no body yet, and
        SAMPLE if the lookup is wanted as a sample."""
        cdef void* bodies = self._topics.find(topic, length, NULL, 0)
        cdef PyObject* body
        if bodies == NULL:
            self.unknown += 1
            granted(append_topic_not_exist(output, opaque, topic, length))
            return SAMPLE if self.unknown >= self.sample_at else 1
        # A borrowed reference is safe: the rest runs no Python code.
        body = PyTuple_GetItem(<object>bodies, 1 if standard else 0)
        if body == <PyObject*>None:
            return 0
        self.hits += 1
        granted(
            append_success(
                output,
                opaque,
                PyBytes_AsString(<object>body),
                PyBytes_Size(<object>body),
            )
        )
        return 1

    cdef int _forget(self, str topic) except -1:
        cdef void* bodies = self._topics.find_texts(topic, "")
        if bodies != NULL:
            self._give_back(<tuple>bodies)
        self._kept.pop(topic, None)
        return 0

    cdef tuple _take(self, tuple pair):
        """The shared pair equal to this one; it counts one more topic."""
        known, topics = self._pairs.get(pair, (None, 0))
        if known is None:
            legacy_body, standard_body = pair
            known = self._take_body(legacy_body), self._take_body(standard_body)
        self._pairs[known] = known, topics + 1
        return known

    cdef int _give_back(self, tuple pair) except -1:
        if pair is _NO_BODIES:
            return 0
        _, topics = self._pairs[pair]
        if topics > 1:
            self._pairs[pair] = pair, topics - 1
            return 0
        del self._pairs[pair]
        for body in pair:
            self._give_back_body(body)
        return 0

    cdef object _take_body(self, object body):
        if body is None:
            return None
        known, pairs = self._shared.get(body, (body, 0))
        if not pairs:
            self._kept_bytes += len(body)
        self._shared[known] = known, pairs + 1
        return known

    cdef int _give_back_body(self, object body) except -1:
        if body is None:
            return 0
        _, pairs = self._shared[body]
        if pairs > 1:
            self._shared[body] = body, pairs - 1
        else:
            del self._shared[body]
            self._kept_bytes -= len(body)
        return 0
