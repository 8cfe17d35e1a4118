"""One topic: its queues by broker name. Source: `RouteInfoManager#topicQueueTable`."""

cimport cython

from namesrv.hot_path import check_text


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
