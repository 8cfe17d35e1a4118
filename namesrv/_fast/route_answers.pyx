"""topic -> answer bytes of GET_ROUTEINFO_BY_TOPIC (105), in both dialects.

Routing marks topics that have a route (`mark`), unmarks the others (`remove`), and puts
in the bodies of answers. Equal bodies are kept once, because many topics have the same
queues on the same brokers. A byte budget limits the bodies; the topics answered first
are evicted first. A topic without a mark gets code 17, which is built and never
stored.
"""

cimport cython

from namesrv._fast.answer_frames cimport append_success, append_topic_not_exist
from namesrv._fast.answer_pair cimport AnswerPair, answer_pair
from namesrv._fast.lane_locks cimport LaneLocks
from namesrv._fast.output cimport Output, granted
from namesrv._fast.text_map cimport Key, Slot, TextMap

from namesrv.hot_path import (
    NO_SAMPLE,
    check_bool,
    check_bytes,
    check_instance,
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

cdef AnswerPair _NO_BODIES = answer_pair(None, None)


@cython.no_gc  # Leads to bytes and texts only; lanes read it without a reference.
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
        self.locks = LaneLocks()
        self._topics = TextMap(self.locks)
        # Pairs by their bodies, and each body with its number of pairs.
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
        return self._topics._queue.count

    def mark(self, topic):
        """The topic has a route; earlier answers are out of date."""
        self._mark(topic)

    def mark_all(self, topics):
        """`mark` each of some topics."""
        check_instance("topics", topics, list)
        for topic in <list>topics:
            self._mark(topic)

    def remove(self, topic):
        """The topic has no route any more."""
        cdef AnswerPair former
        cdef Slot* slot
        check_text("topic", topic)
        slot = self._topics.seek(topic, None)
        if slot.value != NULL:
            former = <AnswerPair>slot.value
            self._topics.remove(slot)
            self._give_back(former)

    def forget_oldest(self, most):
        """The answers of so many topics, those answered first, are out of date; the
        topics stay."""
        cdef Py_ssize_t left = check_size("most", most)
        while left > 0 and self._topics.oldest() != NULL:
            self._forget(self._topics.oldest())
            left -= 1

    def put(self, topic, standard, body):
        """Keep the body of a marked topic's answer, if it fits the budget."""
        cdef Slot* slot
        cdef AnswerPair former, pair
        check_text("topic", topic)
        check_bool("standard", standard)
        check_bytes("body", body)
        slot = self._topics.seek(topic, None)
        if slot.value == NULL or len(body) > self._max_bytes:
            return
        former = <AnswerPair>slot.value
        if standard:
            pair = self._take(former.legacy, body)
        else:
            pair = self._take(body, former.standard)
        # The garbage collector may have run, and code with it.
        slot = self._topics.seek(topic, None)
        if slot.value != <void*>former:
            self._give_back(pair)
            return
        self._topics.enqueue(slot)
        self._topics.set(slot, <void*>pair)
        self._give_back(former)
        while self._kept_bytes > self._max_bytes:
            self._forget(self._topics.oldest())

    def sample_after(self, lookups):
        """Want a sample after so many lookups of unknown topics, -1 for none."""
        check_int64("lookups", lookups)
        wanted = 0 <= lookups < NO_SAMPLE
        self.sample_at = self.unknown + lookups if wanted else NO_SAMPLE

    def answer(self, topic, standard, opaque, is_one_way=False):
        """The whole answer frame, empty for a request that wants none; None if the body
        must be made first."""
        cdef Slot* slot
        cdef AnswerPair pair
        check_text("topic", topic)
        check_bool("standard", standard)
        check_int32("opaque", opaque)
        check_bool("is_one_way", is_one_way)
        slot = self._topics.seek(topic, None)
        if slot.value == NULL:
            self.unknown += 1
            if is_one_way:
                return b""
            return answer_frame(topic_not_exist_header(topic, opaque), b"")
        pair = <AnswerPair>slot.value
        body = pair.standard if standard else pair.legacy
        if body is None:
            return None
        self.hits += 1
        return b"" if is_one_way else answer_frame(success_header(opaque), body)

    cdef int append_answer(
        self,
        Output* output,
        const unsigned char* topic,
        Py_ssize_t length,
        bint standard,
        int opaque,
    ) except -1:
        """As `answer`, for a printable ASCII topic; 0 if there is no body yet, and
        SAMPLE if the lookup is wanted as a sample. `output` is NULL for a request that
        wants no answer. The loop needs no lock for it: it alone changes slots."""
        cdef const char* body = NULL
        cdef Py_ssize_t body_length = 0
        cdef unsigned int hash = self.hash_of(topic, length)
        cdef int found = self.find_ready(
            topic, length, hash, standard, &body, &body_length
        )
        if found == UNKNOWN:
            self.unknown += 1
            if output != NULL:
                granted(append_topic_not_exist(output, opaque, topic, length))
            return SAMPLE if self.unknown >= self.sample_at else 1
        if found == NOT_READY:
            return 0
        self.hits += 1
        if output != NULL:
            granted(append_success(output, opaque, body, body_length))
        return 1

    @cython.nonecheck(False)
    cdef unsigned int hash_of(
        self, const unsigned char* topic, Py_ssize_t length
    ) noexcept nogil:
        """For `find_ready` and `expect`; a lane needs no lock."""
        cdef Key key = Key(topic, length, NULL, 0)
        return self._topics.hash_of(&key)

    @cython.nonecheck(False)
    cdef void expect(self, unsigned int hash) noexcept nogil:
        """A lane that holds its lock will ask for a topic of this hash next."""
        self._topics.expect(hash)

    @cython.nonecheck(False)
    cdef int find_ready(
        self,
        const unsigned char* topic,
        Py_ssize_t length,
        unsigned int hash,
        bint standard,
        const char** body,
        Py_ssize_t* body_length,
    ) noexcept nogil:
        """READY with the body, NOT_READY without it, UNKNOWN for a topic without a
        route. A lane holds its lock of `locks` until it has copied the body."""
        cdef Key key = Key(topic, length, NULL, 0)
        cdef void* pair = self._topics.find_hashed(&key, hash)
        cdef int dialect = 1 if standard else 0
        if pair == NULL:
            return UNKNOWN
        if (<AnswerPair>pair).bodies[dialect] == NULL:
            return NOT_READY
        body[0] = (<AnswerPair>pair).bodies[dialect]
        body_length[0] = (<AnswerPair>pair).lengths[dialect]
        return READY

    cdef int _mark(self, object topic) except -1:
        cdef Slot* slot
        if type(topic) is not str:
            check_text("topic", topic)
        slot = self._topics.place(topic, None, <void*>_NO_BODIES)
        return self._forget(slot)

    cdef int _forget(self, Slot* slot) except -1:
        """Give back the bodies of a topic, after no lane sees them any more."""
        cdef AnswerPair former = <AnswerPair>slot.value
        if former is _NO_BODIES:
            return 0
        self._topics.set(slot, <void*>_NO_BODIES)
        self._topics.dequeue(slot)
        return self._give_back(former)

    cdef AnswerPair _take(self, bytes legacy, bytes standard):
        """The shared pair of these bodies; it counts one more topic."""
        cdef AnswerPair pair = self._pairs.get((legacy, standard))
        if pair is None:
            pair = answer_pair(self._take_body(legacy), self._take_body(standard))
            self._pairs[pair.legacy, pair.standard] = pair
        pair.topics += 1
        return pair

    cdef int _give_back(self, AnswerPair pair) except -1:
        """A topic has another pair now, or none."""
        if pair is _NO_BODIES:
            return 0
        pair.topics -= 1
        if pair.topics == 0:
            del self._pairs[pair.legacy, pair.standard]
            self._give_back_body(pair.legacy)
            self._give_back_body(pair.standard)
        return 0

    cdef bytes _take_body(self, bytes body):
        if body is None:
            return None
        known, pairs = self._shared.get(body, (body, 0))
        if not pairs:
            self._kept_bytes += len(body)
        self._shared[known] = known, pairs + 1
        return known

    cdef int _give_back_body(self, bytes body) except -1:
        if body is None:
            return 0
        _, pairs = self._shared[body]
        if pairs > 1:
            self._shared[body] = body, pairs - 1
        else:
            del self._shared[body]
            self._kept_bytes -= len(body)
        return 0
