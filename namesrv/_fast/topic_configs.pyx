# cython: cdivision=True, boundscheck=False, wraparound=False
"""The topicConfigTable of a registration, read straight from its bytes.

Brokers send all their topics with each change of one. No object is made for a topic
that the tables have already as it was sent. Tables in an unusual form are refused, and
read by the typed decoder (`wire.register_body`).
"""

from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp

from cpython.bytes cimport PyBytes_AsString, PyBytes_Size
from cpython.list cimport PyList_GetItem, PyList_Size
from cpython.ref cimport PyObject

from namesrv._fast.topic_forms cimport (
    HOLES, MOST_FORMS, Config, Form, load, match, name_length, read,
)
from namesrv._fast.topic_queues cimport TopicQueues
from namesrv._fast.words cimport are_equal

from namesrv.hot_path import check_bytes

cdef extern from "Python.h":
    object PyUnicode_DecodeASCII(const char* text, Py_ssize_t size, const char* errors)
    Py_ssize_t PyUnicode_GetLength(object text) except -1
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size)
    PyObject* PyDict_GetItemWithError(object mapping, object key) except? NULL
    int PyDict_Contains(object mapping, object key) except -1
    Py_ssize_t PyDict_Size(object mapping) except -1
    Py_hash_t PyObject_Hash(object name) except -1
    void PyErr_Clear()

cdef enum:
    FIRST_ROOM = 64
    MEMO = 64
    NEAR = 64

cdef unsigned int _scans = 0


cdef struct Memo:
    int numbers[HOLES]
    PyObject* queue_data


cdef class TopicConfigs:
    """The topics of one registration in their order, each with its numbers.

    `end` is the place behind the table, `longest_name` the length of the longest name,
    `objects` the number of opening braces behind the table's own.
    Calls name topics by their places, [start:end). `find` comes first, from the first
    topic to the last. `saves_time` is whether the typed decoder is slower.
    """

    saves_time = True
    cdef readonly Py_ssize_t end
    cdef readonly Py_ssize_t longest_name
    cdef readonly Py_ssize_t objects
    cdef bytes _body
    cdef Config* _configs
    cdef Py_ssize_t _count
    cdef Py_ssize_t _room
    # Topics, or names of those that were not found.
    cdef list _found
    # A hash table of the latter: place + 1, or 0 for an empty slot.
    cdef unsigned int* _unknown
    cdef size_t _mask
    cdef unsigned int _scan
    cdef Py_ssize_t _next

    def __cinit__(self):
        global _scans
        _scans += 1
        self._scan = _scans
        self._found = []

    def __dealloc__(self):
        free(self._configs)
        free(self._unknown)

    def __len__(self):
        return self._count

    def names(self, Py_ssize_t start, Py_ssize_t end):
        """Names of topics."""
        cdef Py_ssize_t place
        return [self._name(place) for place in range(start, min(end, self._count))]

    def find(
        self, Py_ssize_t start, Py_ssize_t end, dict table not None, list expected
    ):
        """Find topics in the table; False if one comes twice.

        `expected` are topics that are probably these, in this order; they save time.
        """
        cdef Py_ssize_t place
        cdef TopicQueues entry
        cdef PyObject* known
        for place in range(start, min(end, self._count)):
            entry = self._expected(&self._configs[place], expected)
            if entry is None:
                name = self._name(place)
                known = PyDict_GetItemWithError(table, name)
                if known == NULL:
                    if not self._is_first(name, place):
                        return False
                    self._found.append(name)
                    continue
                entry = <TopicQueues?><object>known
                self._go_behind(entry, expected)
            if entry._seen == self._scan:
                return False
            entry._seen = self._scan
            self._found.append(entry)
        return True

    def count_new(self, Py_ssize_t start, Py_ssize_t end, str broker_name):
        """How many of these topics had no entry of a group when they were found."""
        cdef Py_ssize_t place, count = 0
        for place in range(start, min(end, PyList_Size(self._found))):
            entry = self._found[place]
            if type(entry) is str:
                count += 1
            elif not PyDict_Contains((<TopicQueues>entry).queues, broker_name):
                count += 1
        return count

    def different(
        self,
        Py_ssize_t start,
        Py_ssize_t end,
        str broker_name,
        int mask,
        shared,
        bint only_new,
    ):
        """Queues of a group that the tables do not have yet, or with other numbers
        unless `only_new`: the topics, and the queues of each.

        A name stands for a topic that was not found or is gone. `mask` is that of perm;
        `shared` makes the one QueueData with these numbers.
        """
        cdef list topics = [], queue_datas = []
        # Keeps the objects of the memo.
        cdef list made = []
        cdef Memo memo[MEMO]
        cdef Py_ssize_t place
        cdef TopicQueues entry
        # Most topics have the queues of the one before, in one set. `shared` changes
        # no set.
        cdef PyObject* queues = NULL
        cdef PyObject* known = NULL
        cdef PyObject* old
        cdef bint is_gone = False
        cdef int i
        for i in range(MEMO):
            memo[i].queue_data = NULL
        for place in range(start, min(end, PyList_Size(self._found))):
            found = self._found[place]
            old = NULL
            if type(found) is not str:
                entry = <TopicQueues>found
                if <PyObject*>entry.queues != queues:
                    queues = <PyObject*>entry.queues
                    is_gone = PyDict_Size(entry.queues) == 0
                    known = PyDict_GetItemWithError(entry.queues, broker_name)
                old = known
                if is_gone:
                    found = entry.topic
                elif old != NULL and only_new:
                    continue
            queue_data = self._queue_data(
                &self._configs[place], mask, memo, shared, made
            )
            if old == NULL or (
                old != <PyObject*>queue_data and <object>old != queue_data
            ):
                topics.append(found)
                queue_datas.append(queue_data)
        return topics, queue_datas

    cdef str _name(self, Py_ssize_t place):
        cdef Config* config = &self._configs[place]
        return PyUnicode_DecodeASCII(
            PyBytes_AsString(self._body) + config.name, config.length, NULL
        )

    cdef bint _is_first(self, str name, Py_ssize_t place) except -1:
        """Note a name that was not found; 0 if it came before."""
        cdef Config* config = &self._configs[place]
        cdef Config* other
        cdef const char* body = PyBytes_AsString(self._body)
        cdef size_t slot, rest
        if self._unknown == NULL:
            self._make_room()
        slot = rest = <size_t>PyObject_Hash(name)
        slot &= self._mask
        while self._unknown[slot]:
            other = &self._configs[self._unknown[slot] - 1]
            if other.length == config.length and are_equal(
                <const unsigned char*>body + other.name,
                <const unsigned char*>body + config.name,
                config.length,
            ):
                return False
            # As in a dict: names with equal low bits go different ways.
            rest >>= 5
            slot = (5 * slot + rest + 1) & self._mask
        self._unknown[slot] = <unsigned int>place + 1
        return True

    cdef int _make_room(self) except -1:
        """At most half of the slots will be taken, so that a search is short."""
        cdef size_t slots = FIRST_ROOM
        while slots < 2 * <size_t>self._count:
            slots *= 2
        self._unknown = <unsigned int*>calloc(slots, sizeof(unsigned int))
        if self._unknown == NULL:
            raise MemoryError
        self._mask = slots - 1
        return 0

    cdef TopicQueues _expected(self, Config* config, list expected):
        """The next expected topic, or the one behind it, if it has this name."""
        cdef Py_ssize_t place, size = PyList_Size(expected)
        cdef TopicQueues entry
        for place in range(self._next, min(self._next + 2, size)):
            entry = <TopicQueues>PyList_GetItem(expected, place)
            if self._is_named(entry, config) and PyDict_Size(entry.queues):
                self._next = place + 1
                return entry
        return None

    cdef bint _is_named(self, TopicQueues entry, Config* config) except -1:
        cdef Py_ssize_t length = 0
        cdef const char* text
        if PyUnicode_GetLength(entry.topic) != config.length:
            return False
        text = PyUnicode_AsUTF8AndSize(entry.topic, &length)
        if text == NULL:
            # A lone surrogate, which has no UTF-8, is in no name of a form.
            PyErr_Clear()
            return False
        return length == config.length and memcmp(
            text, PyBytes_AsString(self._body) + config.name, length
        ) == 0

    cdef int _go_behind(self, TopicQueues entry, list expected) except -1:
        """A topic was not the next expected one: expect the one behind it, if it is
        near. So topics that are missing, or at another place, cost little."""
        cdef Py_ssize_t place, size = PyList_Size(expected)
        for place in range(self._next, min(self._next + NEAR, size)):
            if PyList_GetItem(expected, place) == <PyObject*>entry:
                self._next = place + 1
                return 0
        return 0

    cdef object _queue_data(
        self, Config* config, int mask, Memo* memo, object shared, list made
    ):
        cdef int perm = config.numbers[1] & mask
        cdef unsigned int place = (
            <unsigned int>perm
            + 5 * <unsigned int>config.numbers[2]
            + 7 * <unsigned int>config.numbers[4]
        )
        cdef Memo* kept = &memo[place % MEMO]
        cdef int i
        if (
            kept.queue_data != NULL
            and kept.numbers[1] == perm
            and kept.numbers[2] == config.numbers[2]
            and kept.numbers[3] == config.numbers[3]
            and kept.numbers[4] == config.numbers[4]
        ):
            return <object>kept.queue_data
        queue_data = shared(
            perm, config.numbers[2], config.numbers[3], config.numbers[4]
        )
        made.append(queue_data)
        for i in range(1, HOLES):
            kept.numbers[i] = config.numbers[i]
        kept.numbers[1] = perm
        kept.queue_data = <PyObject*>queue_data
        return queue_data

    cdef Config* _add(self) except NULL:
        """Room for one more."""
        cdef Py_ssize_t room
        cdef Config* configs
        if self._count == self._room:
            room = max(2 * self._room, FIRST_ROOM)
            configs = <Config*>realloc(self._configs, room * sizeof(Config))
            if configs == NULL:
                raise MemoryError
            self._configs = configs
            self._room = room
        self._count += 1
        return &self._configs[self._count - 1]


def scan_topic_configs(body, Py_ssize_t start, forms):
    """Read the table that begins behind `body[start - 1]`, its opening brace.

    None for one in an unusual form.
    """
    check_bytes("body", body)
    cdef const char* text = PyBytes_AsString(body)
    cdef const char* end = text + PyBytes_Size(body)
    cdef const char* at = text + start
    cdef TopicConfigs configs = TopicConfigs()
    cdef Form known[MOST_FORMS]
    cdef int count, latest = -1, learned = 0
    # A list that is replaced, and not changed, when a form is learned.
    cdef list kept = forms.forms
    cdef const char* name
    cdef const char* behind
    cdef int length
    cdef Config* config
    configs._body = body
    if at < end and at[0] == b"}":
        configs.end = start + 1
        return configs
    count = load(kept, known)
    while True:
        length = name_length(at, end)
        if length < 0:
            return None
        name = at + 1
        at += length + 3
        config = configs._add()
        config.name = name - text
        config.length = length
        behind = match(at, end, name, config, known, count, &latest)
        if behind == NULL and learned < MOST_FORMS:
            learned += 1
            form = forms.learn(body, at - text)
            if form is None:
                return None
            kept = forms.forms
            count = load(kept, known)
            latest = kept.index(form)
            behind = read(&known[latest], at, end, name, config)
        if behind == NULL or behind >= end:
            return None
        configs.longest_name = max(configs.longest_name, length)
        configs.objects += known[latest].objects
        at = behind + 1
        if behind[0] == b"}":
            configs.end = at - text
            return configs
        if behind[0] != b",":
            return None
