"""Changes that many topics make alike; see `routing.tables.queue_sets`."""

from namesrv._fast.topic_queues cimport TopicQueues

from namesrv.hot_path import check_instance


cdef class SetChange:
    """Topics with the queues `before` that are given `given` get the queues `after`.

    They are added to `topics`, and to `flagged` unless that is None. `count` is how
    many did so since it was taken.
    """

    cdef readonly object before
    cdef readonly object given
    cdef readonly object after
    cdef readonly list topics
    cdef readonly list flagged
    cdef readonly Py_ssize_t count

    def __init__(self, before, given, after, topics, flagged):
        check_instance("topics", topics, list)
        if flagged is not None:
            check_instance("flagged", flagged, list)
        self.before = before
        self.given = given
        self.after = after
        self.topics = topics
        self.flagged = flagged
        self.count = 0

    def take_count(self):
        """`count`, which begins anew."""
        cdef Py_ssize_t count = self.count
        self.count = 0
        return count


cdef bint _change(TopicQueues entry, object given, list changes) except -1:
    """Change a topic if one of `changes` applies."""
    cdef SetChange change
    for each in changes:
        change = <SetChange?>each
        if entry.queues is change.before and given is change.given:
            entry.queues = change.after
            change.topics.append(entry)
            if change.flagged is not None:
                change.flagged.append(entry)
            change.count += 1
            return True
    return False


def give_alike(entries, queue_datas, place, changes):
    """Change topics from a place on, as long as one of `changes` applies.

    `queue_datas` has those that are given, one for each topic. Returns the place of the
    first topic that was not changed, the number of topics if all were.
    """
    check_instance("entries", entries, list)
    check_instance("queue_datas", queue_datas, list)
    check_instance("changes", changes, list)
    cdef list topics = entries, given = queue_datas, known = changes
    cdef Py_ssize_t number
    for number in range(place, len(topics)):
        if not _change(<TopicQueues?>topics[number], given[number], known):
            return number
    return len(topics)
