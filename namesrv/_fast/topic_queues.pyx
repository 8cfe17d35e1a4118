"""One topic: its queues by broker name. Source: `RouteInfoManager#topicQueueTable`."""

cimport cython
from cpython.bytes cimport PyBytes_AsString, PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_SetItem, PyDict_Size
from cpython.list cimport PyList_GetItem, PyList_Size
from cpython.ref cimport PyObject

from namesrv.hot_path import check_instance, check_text

cdef extern from "Python.h":
    PyObject* PyDict_GetItemWithError(object mapping, object key) except? NULL


@cython.no_gc
cdef class TopicQueues:
    """One topic.

    `topic` is the one copy of the name, `number` its short name in a snapshot, which no
    other topic ever has; `is_answered` means that its route may be among the ready
    answers. `queues` is empty once the topic is in no table any more.
    """

    def __init__(self, topic, number, queues):
        check_text("topic", topic)
        self.topic = topic
        self.number = number
        self.is_answered = False
        self.queues = queues


def find_topics(topics, table):
    """The topics as the table has them, and the names that it does not have.

    One that was found before may be gone, or the table may have another one. Names that
    are not there are in the first list, too.
    """
    check_instance("topics", topics, list)
    check_instance("table", table, dict)
    cdef list found = [], unknown = []
    cdef PyObject* entry
    for topic in <list>topics:
        if type(topic) is not str:
            if PyDict_Size((<TopicQueues?>topic).queues):
                found.append(topic)
                continue
            topic = (<TopicQueues>topic).topic
        entry = PyDict_GetItemWithError(table, topic)
        if entry == NULL:
            unknown.append(topic)
            found.append(topic)
        else:
            found.append(<object>entry)
    return found, unknown


def make_topics(topics, number, queues):
    """Put new topics in the places of names; the new ones, which are in no table.

    The first one gets `number`, and each the number behind it; all get `queues`.
    """
    check_instance("topics", topics, list)
    cdef list places = topics, made = []
    cdef unsigned long long next_number = number
    cdef Py_ssize_t place
    cdef TopicQueues entry
    for place in range(PyList_Size(places)):
        name = <object>PyList_GetItem(places, place)
        if type(name) is not str:
            continue
        entry = TopicQueues.__new__(TopicQueues)
        entry.topic = name
        entry.number = <unsigned int>next_number
        entry.queues = queues
        next_number += 1
        places[place] = entry
        made.append(entry)
    return made


def put_topics(topics, table):
    """Put new topics into a table, those before the first one without queues; their
    names."""
    check_instance("topics", topics, list)
    check_instance("table", table, dict)
    cdef list names = []
    cdef TopicQueues entry
    for each in <list>topics:
        entry = <TopicQueues?>each
        if PyDict_Size(entry.queues) == 0:
            break
        PyDict_SetItem(table, entry.topic, entry)
        names.append(entry.topic)
    return names


def names_of(topics):
    """The names of topics."""
    check_instance("topics", topics, list)
    return [(<TopicQueues?>entry).topic for entry in <list>topics]


def take_answered(topics):
    """The names of those topics that were answered; they are not any more."""
    check_instance("topics", topics, list)
    cdef list answered = []
    for entry in <list>topics:
        if (<TopicQueues?>entry).is_answered:
            (<TopicQueues>entry).is_answered = False
            answered.append((<TopicQueues>entry).topic)
    return answered


cdef inline void put_uint32(unsigned char* place, unsigned int value) noexcept:
    """Lowest byte first."""
    place[0] = value & 0xFF
    place[1] = (value >> 8) & 0xFF
    place[2] = (value >> 16) & 0xFF
    place[3] = value >> 24


def pack_queues(topics, broker_name, kinds):
    """The numbers of those topics that have queues of a group, and for each the place
    of its queues among `kinds`, which gets those that it does not have: {id of the
    queues: (place, queues)}. Both are 32 bits each, lowest byte first.
    """
    check_instance("topics", topics, list)
    check_text("broker_name", broker_name)
    check_instance("kinds", kinds, dict)
    # A copy, because new kinds take memory, which may run code that changes the list.
    cdef list entries = list(topics)
    cdef Py_ssize_t length = 4 * PyList_Size(entries), used = 0
    cdef bytes numbers = PyBytes_FromStringAndSize(NULL, length)
    cdef bytes places = PyBytes_FromStringAndSize(NULL, length)
    cdef unsigned char* to_numbers = <unsigned char*>PyBytes_AsString(numbers)
    cdef unsigned char* to_places = <unsigned char*>PyBytes_AsString(places)
    cdef PyObject* queue_data
    cdef PyObject* before = NULL
    cdef unsigned int place = 0
    cdef TopicQueues entry
    for each in entries:
        entry = <TopicQueues?>each
        queue_data = PyDict_GetItemWithError(entry.queues, broker_name)
        if queue_data == NULL or queue_data == <PyObject*>None:
            continue
        if queue_data != before:
            kind = <object>queue_data
            place = place_among(<dict>kinds, kind)
            before = queue_data
        put_uint32(to_numbers + used, entry.number)
        put_uint32(to_places + used, place)
        used += 4
    return numbers[:used], places[:used]


cdef unsigned int place_among(dict kinds, object queue_data) except? 0xFFFFFFFF:
    """The place of queues among the kinds; new ones come last."""
    key = id(queue_data)
    known = kinds.get(key)
    if known is None:
        known = (len(kinds), queue_data)
        kinds[key] = known
    return (<tuple?>known)[0]
