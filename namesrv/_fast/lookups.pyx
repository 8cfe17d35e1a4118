# cython: nonecheck=False, cdivision=True
"""Lookups (105) that need no turn of the loop: bytes in, bytes out, and a verdict.

A lane answers only requests that are simple, and whose answer is ready: whole frames
with a lookup of a topic that has a kept body or no route. The loop answers all others.
So a lane has no rule of its own about limits, budgets or faults.
"""

cimport cython
from cpython.bytes cimport PyBytes_AsString, PyBytes_FromStringAndSize, PyBytes_Size

from namesrv._fast.answer_frames cimport append_success, append_topic_not_exist
from namesrv._fast.atomic cimport load, load_count, store, store_count
from namesrv._fast.head cimport HeadView
from namesrv._fast.head_shapes cimport HeadShapes
from namesrv._fast.hot_path cimport HotPath
from namesrv._fast.output cimport Output, release
from namesrv._fast.route_answers cimport NOT_READY, READY, UNKNOWN
from namesrv._fast.scan cimport big_endian, is_true

from namesrv import codes, hot_path
from namesrv.hot_path import (
    ANY_VERSION,
    LONGEST_LOOKUP_HEADER_BYTES,
    check_bytes,
    check_instance,
    check_size,
)

cdef int GET_ROUTEINFO_BY_TOPIC = codes.RequestCode.GET_ROUTEINFO_BY_TOPIC
cdef int FLAG_RESPONSE = codes.FLAG_RESPONSE, FLAG_ONEWAY = codes.FLAG_ONEWAY
cdef int VERSION_V4_9_4 = codes.VERSION_V4_9_4
cdef int HOT_ROUTE = hot_path.HotCode.ROUTE
cdef int NO_VERSION = ANY_VERSION
cdef Py_ssize_t OUTPUT_PAUSE_BYTES = hot_path.OUTPUT_PAUSE_BYTES
cdef Py_ssize_t LONGEST_PART_BYTES = hot_path.LONGEST_LOOKUP_PART_BYTES

cdef enum:
    LENGTH_BYTES = 4
    PREFIX_BYTES = 8

# In place of the bytes of a frame.
cdef enum:
    PART = 0
    UNUSUAL = -1

cdef enum:
    DONE
    MISSING
    REFUSED
    SAMPLED

if hot_path.MOST_LANE_SAMPLES != MOST_SAMPLES:
    raise ImportError("MOST_LANE_SAMPLES differs from what was compiled in")
if [int(verdict) for verdict in hot_path.Verdict] != [GO_ON, ASK, HAND_OVER, PAUSE]:
    raise ImportError("Verdict differs from what was compiled in")


@cython.final
cdef class Lookups:
    """The lookups of all connections of one lane; `hot` is the state that lanes share.

    `verdict` follows from the last call of `receive`, `rest` is the input that it did
    not answer. The first `asked` bytes of the rest are lookups that the loop has to
    answer (ASK). `client_version` is that of the last lookup, ANY_VERSION without one;
    `samples` are lookups of unknown topics that were wanted (`sample_unknown`), as
    pairs of serialize type and header.

    Counted are `hits` and `unknown` as in RouteAnswers, and the bytes of requests and
    answers, `received_bytes` and `sent_bytes`.
    """

    # An object that was never initialised would be read without a check.
    def __cinit__(self, hot):
        check_instance("hot", hot, HotPath)
        self._hot = hot
        self._answers = hot.route_answers
        self._locks = self._answers.locks
        self._lane = self._locks.add_lane()
        self._shapes = HeadShapes()
        self._longest_header = min(
            LONGEST_LOOKUP_HEADER_BYTES,
            hot.header_max_bytes,
            hot.frame_max_bytes - PREFIX_BYTES,
        )
        self._hits = self._unknown = self._received_bytes = self._sent_bytes = 0
        self._samples_left = self._until_sample = 0
        self._has_lock = False
        self.client_version = NO_VERSION
        self.verdict = GO_ON
        self.rest = b""
        self.asked = 0
        self.samples = []

    def __dealloc__(self):
        release(&self._output)

    @property
    def hits(self):
        return load_count(&self._hits)

    @property
    def unknown(self):
        return load_count(&self._unknown)

    @property
    def received_bytes(self):
        return load_count(&self._received_bytes)

    @property
    def sent_bytes(self):
        return load_count(&self._sent_bytes)

    def sample_unknown(self, most, stride):
        """Want every `stride`-th lookup of an unknown topic from now on, until there
        are `most`."""
        store_count(&self._wish.most, check_size("most", most))
        store_count(&self._wish.stride, max(check_size("stride", stride), 1))
        store(&self._wish.number, self._wish.number + 1)

    def receive(self, data):
        """Answer lookups; the bytes to send. The data begin with the rest of the last
        read."""
        cdef Output* output = &self._output
        cdef Py_ssize_t answered = 0, asked = 0
        cdef int i
        check_bytes("data", data)
        output.length = 0
        self.verdict = self.answer(
            &self._latest_shape,
            <const unsigned char*>PyBytes_AsString(data),
            PyBytes_Size(data),
            output,
            &answered,
            &asked,
        )
        self.rest = data[answered:]
        self.asked = asked
        self.samples = []
        for i in range(self.samples_count):
            self.samples.append(_sample_of(&self.sample_views[i], data))
        return PyBytes_FromStringAndSize(output.data, output.length)

    cdef int answer(
        self,
        int* latest_shape,
        const unsigned char* data,
        Py_ssize_t length,
        Output* output,
        Py_ssize_t* answered,
        Py_ssize_t* asked,
    ) noexcept nogil:
        """Append answers to `output`, which may have some, and return the verdict;
        `answered` and `asked` are numbers of bytes of whole frames."""
        cdef bint is_gated = not load(&self._hot._hot_codes) & HOT_ROUTE
        cdef Py_ssize_t place = 0
        cdef Py_ssize_t sent = output.length
        cdef int verdict = GO_ON
        # The one that is answered, and the next one, which is fetched meanwhile.
        cdef Request requests[2]
        cdef int turn = 0
        cdef Request* request
        cdef Py_ssize_t size
        cdef int outcome
        self.client_version = NO_VERSION
        self.samples_count = 0
        asked[0] = 0
        requests[0].is_read = False
        while True:
            request = &requests[turn]
            if not request.is_read:
                self._read(latest_shape, data + place, length - place, request)
            size = request.size
            if size <= 0:
                if size == UNUSUAL or length - place > LONGEST_PART_BYTES:
                    verdict = HAND_OVER
                break
            outcome = MISSING
            if not is_gated:
                turn = 1 - turn
                self._read_ahead(
                    latest_shape[0],
                    data + place + size,
                    length - place - size,
                    &requests[turn],
                )
                self._lock()
                outcome = self._answer_one(request, &requests[turn], output)
            if outcome == REFUSED:
                verdict = HAND_OVER
                break
            self.client_version = request.head.version
            if outcome == MISSING:
                self._unlock()
                asked[0] = size + self._more_to_ask(
                    latest_shape, data + place + size, length - place - size
                )
                verdict = ASK
                break
            if outcome == SAMPLED:
                self._note_sample(data + place, place, size)
            place += size
            if output.length >= OUTPUT_PAUSE_BYTES:
                verdict = PAUSE
                break
        self._unlock()
        answered[0] = place
        store_count(&self._received_bytes, self._received_bytes + place)
        store_count(&self._sent_bytes, self._sent_bytes + output.length - sent)
        return verdict

    cdef void _lock(self) noexcept nogil:
        """Hold the lock for one more lookup, after a writer that waits for it."""
        if self._has_lock and self._locks.is_wanted():
            self._unlock()
        if not self._has_lock:
            self._locks.lock_one(self._lane)
            self._has_lock = True

    cdef void _unlock(self) noexcept nogil:
        """The lane has its copies."""
        if self._has_lock:
            self._locks.unlock_one(self._lane)
            self._has_lock = False

    cdef void _read(
        self,
        int* latest_shape,
        const unsigned char* place,
        Py_ssize_t available,
        Request* request,
    ) noexcept nogil:
        cdef HeadView* head = &request.head
        request.is_read = True
        request.size = self._view(latest_shape, place, available, head)
        if request.size > 0:
            request.hash = self._answers.hash_of(head.topic.data, head.topic.length)

    cdef void _read_ahead(
        self,
        int latest_shape,
        const unsigned char* place,
        Py_ssize_t available,
        Request* request,
    ) noexcept nogil:
        """Read the next request if it is a lookup like the last one: for any other one
        a shape may be learned, and the view of the last one may go with an older
        shape."""
        cdef HeadView* head = &request.head
        cdef Py_ssize_t size = _frame_bytes(place, available, self._longest_header)
        request.is_read = False
        if size <= 0 or not self._shapes.view_alike(
            latest_shape,
            place[LENGTH_BYTES],
            place + PREFIX_BYTES,
            size - PREFIX_BYTES,
            head,
        ):
            return
        if not _is_lookup(head):
            return
        request.is_read = True
        request.size = size
        request.hash = self._answers.hash_of(head.topic.data, head.topic.length)

    cdef Py_ssize_t _view(
        self,
        int* latest_shape,
        const unsigned char* place,
        Py_ssize_t available,
        HeadView* head,
    ) noexcept nogil:
        """The bytes of a frame with a plain lookup, PART or UNUSUAL."""
        cdef Py_ssize_t size = _frame_bytes(place, available, self._longest_header)
        if size <= 0:
            return size
        if not self._shapes.view(
            latest_shape,
            place[LENGTH_BYTES],
            place + PREFIX_BYTES,
            size - PREFIX_BYTES,
            head,
        ):
            return UNUSUAL
        return size if _is_lookup(head) else UNUSUAL

    cdef Py_ssize_t _more_to_ask(
        self, int* latest_shape, const unsigned char* place, Py_ssize_t available
    ) noexcept nogil:
        """The bytes of all plain lookups that come first."""
        cdef Py_ssize_t found = 0
        cdef HeadView head
        cdef Py_ssize_t size
        while True:
            size = self._view(latest_shape, place + found, available - found, &head)
            if size <= 0:
                return found
            self.client_version = head.version
            found += size

    cdef int _answer_one(
        self, Request* request, const Request* following, Output* output
    ) noexcept nogil:
        """Append an answer, while the lock is held. For a request that wants none,
        nothing is copied: it costs its sender too little."""
        cdef HeadView* head = &request.head
        cdef const char* body = NULL
        cdef Py_ssize_t body_length = 0
        cdef Py_ssize_t start = output.length
        cdef bint standard = head.version >= VERSION_V4_9_4 or is_true(
            &head.accept_standard_json_only
        )
        cdef bint is_one_way = head.flag & FLAG_ONEWAY
        cdef bint granted = True
        cdef int found
        if following.is_read:
            self._answers.expect(following.hash)
        found = self._answers.find_ready(
            head.topic.data,
            head.topic.length,
            request.hash,
            standard,
            &body,
            &body_length,
        )
        if found == NOT_READY:
            return MISSING
        if found == READY and not is_one_way:
            granted = append_success(output, head.opaque, body, body_length)
        elif found == UNKNOWN and not is_one_way:
            granted = append_topic_not_exist(
                output, head.opaque, head.topic.data, head.topic.length
            )
        if not granted:
            output.length = start
            return REFUSED
        if found == READY:
            store_count(&self._hits, self._hits + 1)
            return DONE
        store_count(&self._unknown, self._unknown + 1)
        return SAMPLED if self._is_sample() else DONE

    cdef bint _is_sample(self) noexcept nogil:
        """Whether this lookup of an unknown topic is wanted."""
        cdef int wish = load(&self._wish.number)
        if wish != self._seen_wish:
            self._seen_wish = wish
            self._samples_left = load_count(&self._wish.most)
            self._until_sample = load_count(&self._wish.stride)
        if self._samples_left == 0:
            return False
        self._until_sample = self._until_sample - 1
        return self._until_sample <= 0 and self.samples_count < MOST_SAMPLES

    cdef void _note_sample(
        self, const unsigned char* place, Py_ssize_t start, Py_ssize_t frame_bytes
    ) noexcept nogil:
        cdef Sample* sample = &self.sample_views[self.samples_count]
        sample.serialize_type = place[LENGTH_BYTES]
        sample.header_start = start + PREFIX_BYTES
        sample.header_length = frame_bytes - PREFIX_BYTES
        self.samples_count = self.samples_count + 1
        self._samples_left = self._samples_left - 1
        self._until_sample = load_count(&self._wish.stride)


cdef inline bint _is_lookup(const HeadView* head) noexcept nogil:
    """Whether it is a request for a topic, and not for a zone."""
    if head.code != GET_ROUTEINFO_BY_TOPIC or head.flag & FLAG_RESPONSE:
        return False
    return head.topic.data != NULL and head.zone_mode.data == NULL


cdef Py_ssize_t _frame_bytes(
    const unsigned char* place, Py_ssize_t available, Py_ssize_t longest_header
) noexcept nogil:
    """Bytes of a frame that is whole, has a header and nothing else; PART while it is
    not whole, UNUSUAL as soon as it is another one."""
    cdef Py_ssize_t header_length
    if available < LENGTH_BYTES:
        # The first byte of other protocols is no 0; a wait for more is the loop's.
        if available and place[0] != 0:
            return UNUSUAL
        return PART
    header_length = <Py_ssize_t>big_endian(place, 4) - LENGTH_BYTES
    if header_length < 0 or header_length > longest_header:
        return UNUSUAL
    if available < PREFIX_BYTES:
        return PART
    if place[LENGTH_BYTES] > 1 or big_endian(place + 5, 3) != header_length:
        return UNUSUAL
    if available < PREFIX_BYTES + header_length:
        return PART
    return PREFIX_BYTES + header_length


cdef object _sample_of(Sample* sample, bytes data):
    end = sample.header_start + sample.header_length
    return sample.serialize_type, data[sample.header_start : end]
