"""Changes that many topics make alike; see `routing.tables.queue_sets`."""

from collections.abc import Sequence

from namesrv._pure.topic_queues import TopicQueues
from namesrv.hot_path import check_instance
from namesrv.wire.bodies import QueueData


class SetChange:
    """Topics with the queues `before` that are given `given` get the queues `after`.

    They are added to `topics`, and to `flagged` unless that is None. `count` is how
    many did so since it was taken.
    """

    __slots__ = ("after", "before", "count", "flagged", "given", "topics")

    def __init__(
        self,
        before: dict[str, QueueData],
        given: QueueData,
        after: dict[str, QueueData],
        topics: list[TopicQueues],
        flagged: list[TopicQueues] | None,
    ) -> None:
        check_instance("topics", topics, list)
        if flagged is not None:
            check_instance("flagged", flagged, list)
        self.before = before
        self.given = given
        self.after = after
        self.topics = topics
        self.flagged = flagged
        self.count = 0

    def take_count(self) -> int:
        """`count`, which begins anew."""
        count, self.count = self.count, 0
        return count


def give_alike(
    entries: Sequence[TopicQueues],
    queue_datas: Sequence[QueueData],
    place: int,
    changes: Sequence[SetChange],
) -> int:
    """Change topics from a place on, as long as one of `changes` applies.

    `queue_datas` has those that are given, one for each topic. Returns the place of the
    first topic that was not changed, the number of topics if all were.
    """
    check_instance("entries", entries, list)
    check_instance("queue_datas", queue_datas, list)
    check_instance("changes", changes, list)
    for number in range(place, len(entries)):
        entry, given = entries[number], queue_datas[number]
        for change in changes:
            if entry.queues is change.before and given is change.given:
                entry.queues = change.after
                change.topics.append(entry)
                if change.flagged is not None:
                    change.flagged.append(entry)
                change.count += 1
                break
        else:
            return number
    return len(entries)
