"""One topic: its queues by broker name. Source: `RouteInfoManager#topicQueueTable`."""

import struct
from collections.abc import Sequence

from namesrv.hot_path import check_instance, check_text
from namesrv.wire.bodies import QueueData


class TopicQueues:
    """One topic.

    `topic` is the one copy of the name, `number` its short name in a snapshot, which no
    other topic ever has; `is_answered` means that its route may be among the ready
    answers. `queues` is empty once the topic is in no table any more.
    """

    __slots__ = ("is_answered", "number", "queues", "topic")

    def __init__(self, topic: str, number: int, queues: dict[str, QueueData]) -> None:
        check_text("topic", topic)
        self.topic = topic
        self.number = number
        self.is_answered = False
        self.queues = queues


def find_topics(
    topics: Sequence[TopicQueues | str], table: dict[str, TopicQueues]
) -> tuple[list[TopicQueues | str], list[str]]:
    """The topics as the table has them, and the names that it does not have.

    One that was found before may be gone, or the table may have another one. Names that
    are not there are in the first list, too.
    """
    check_instance("topics", topics, list)
    check_instance("table", table, dict)
    found: list[TopicQueues | str] = []
    unknown: list[str] = []
    for topic in topics:
        if not isinstance(topic, str):
            if topic.queues:
                found.append(topic)
                continue
            name = topic.topic
        else:
            name = topic
        entry = table.get(name)
        if entry is None:
            unknown.append(name)
        found.append(name if entry is None else entry)
    return found, unknown


def make_topics(
    topics: list[TopicQueues | str], number: int, queues: dict[str, QueueData]
) -> list[TopicQueues]:
    """Put new topics in the places of names; the new ones, which are in no table.

    The first one gets `number`, and each the number behind it; all get `queues`.
    """
    check_instance("topics", topics, list)
    made: list[TopicQueues] = []
    for place, name in enumerate(topics):
        if isinstance(name, str):
            topics[place] = entry = TopicQueues(name, number, queues)
            made.append(entry)
            number += 1
    return made


def put_topics(
    topics: Sequence[TopicQueues], table: dict[str, TopicQueues]
) -> list[str]:
    """Put new topics into a table, those before the first one without queues; their
    names."""
    check_instance("topics", topics, list)
    check_instance("table", table, dict)
    for count, entry in enumerate(topics):
        if not entry.queues:
            return names_of(topics[:count])
        table[entry.topic] = entry
    return names_of(topics)


def names_of(topics: Sequence[TopicQueues]) -> list[str]:
    """The names of topics."""
    check_instance("topics", topics, list)
    return [entry.topic for entry in topics]


def take_answered(topics: Sequence[TopicQueues]) -> list[str]:
    """The names of those topics that were answered; they are not any more."""
    check_instance("topics", topics, list)
    answered = [entry for entry in topics if entry.is_answered]
    for entry in answered:
        entry.is_answered = False
    return [entry.topic for entry in answered]


def pack_queues(
    topics: Sequence[TopicQueues],
    broker_name: str,
    kinds: dict[int, tuple[int, QueueData]],
) -> tuple[bytes, bytes]:
    """The numbers of those topics that have queues of a group, and for each the place
    of its queues among `kinds`, which gets those that it does not have: {id of the
    queues: (place, queues)}. Both are 32 bits each, lowest byte first.
    """
    check_instance("topics", topics, list)
    check_text("broker_name", broker_name)
    check_instance("kinds", kinds, dict)
    numbers: list[int] = []
    places: list[int] = []
    for entry in topics:
        queue_data = entry.queues.get(broker_name)
        if queue_data is None:
            continue
        key = id(queue_data)
        if key not in kinds:
            kinds[key] = len(kinds), queue_data
        numbers.append(entry.number)
        places.append(kinds[key][0])
    form = f"<{len(numbers)}I"
    return struct.pack(form, *numbers), struct.pack(form, *places)
