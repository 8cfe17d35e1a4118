"""One topic: its queues by broker name. Source: `RouteInfoManager#topicQueueTable`."""

cimport cython
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
