"""Route bodies, by the queues and brokers that they show.

Topics with the same queues on the same brokers have the same route. When a broker
changes, all its topics are asked for again, and one body is written for all of them.

When a kept answer is out of date
=================================

Six kinds of ready bytes are kept. The code that changes a table drops them, in the same
step, and nothing is encoded there: the next request pays for one encoding.

    kept                               dropped by
    a topic's route, per dialect       `AnswerMarks.mark` of that topic
    (`RouteAnswers`, for 105)          `AnswerMarks.forget_all`: all of them, in steps
    bodies of equal routes (here)      a higher `group_changes`
    text of a group or cluster         `OrderedTexts.changed` of that name
    (106, 304; `ordered_texts.py`)
    names of a topic list              the topic log (`topic_log.py`), which names each
    (`topic_lists.py`)                 topic that came, went or changed
    order configuration                a change of the namespace ORDER_TOPIC_CONFIG, or
    (the body that 103 answers)        of the options
    a broker's registration digest     `forget_digests` of its group

A change reaches these places:

* A registration stores queues: `store_queues` marks the topics whose queues differ. New
  addresses, a zone or a flag: `group_changed` marks all topics of the group, in steps.
  Until its last step some routes show the group as it was, so that the group is *busy*
  and lookups of its topics that are not ready wait (P2).
* A group goes: each of its topics loses an entry, and is marked. A topic without
  entries is removed from `RouteAnswers`, which then answers code 17.
* Filter servers show in the routes of each group that has a broker at their address:
  `mark_address` marks its topics, in steps.
* The options that answers depend on show in any route: `forget_all`.
* A static topic's mapping and a key of ORDER_TOPIC_CONFIG: `topic_changed`.

Two shortcuts keep large groups cheap. `TopicQueues.is_answered` is set if a topic was
answered since its last mark, so that a mark is not repeated. And the topics of a
group are not walked again if no topic at all was answered since the last walk.

A digest is a promise that repeating the same bytes changes nothing. Whatever changes
data of a broker by another way (a deleted topic, a wiped permission, another address, a
remote option) must therefore forget the digests of its groups, or the broker's next
registration would be passed over and never repair the difference.

A route for a zone is kept here and not in `RouteAnswers`; zones in which no group is
share one. A route of many groups is written in steps, and kept only if nothing that it
depends on changed meanwhile (`routing/requests/routes.py`).
"""

from typing import Final

from namesrv._impl import TopicQueues
from namesrv.routing.answers.queries import RouteForm
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.wire.bodies import QueueData

_MOST_BODIES: Final = 256
_MOST_BYTES: Final = 1 << 23

_NO_ZONE: Final = ""
"""Stands for each zone in which no group is: their routes are equal."""

_MANY_QUEUES: Final = 250
"""A topic of more groups has a number for its queue data: thousands of ids would be
collected and hashed for each lookup."""

_Key = tuple[bool, str | None, tuple[int, ...] | int]
"""The last one are the ids of the queue data, each of which names its broker, or the
number that stands for them."""


class RouteBodies:
    """Bodies by dialect, zone and queue data; all go when a group changes. They are
    those of topics with these queues and nothing else in the route."""

    def __init__(self, tables: RouteTables) -> None:
        self._tables = tables
        self._group_changes = 0
        self._kept_bytes = 0
        self._zones: set[str] | None = None
        # The queue data is kept, too, so that no other one gets its id.
        self._bodies: dict[_Key, tuple[bytes, list[QueueData]]] = {}
        self._numbers: dict[tuple[int, ...], int] = {}
        self._changes = 0
        self._number_of: dict[tuple[str, int], int] = {}

    def find(self, entry: TopicQueues, form: RouteForm) -> bytes | None:
        """The body for a topic in a form, if it was kept."""
        if self._group_changes != self._tables.group_changes:
            self._group_changes = self._tables.group_changes
            self._zones = None
            self._clear()
        found = self._bodies.get(self._key(entry, form))
        return None if found is None else found[0]

    def keep(self, entry: TopicQueues, form: RouteForm, body: bytes) -> None:
        """Keep a body that was written of the tables as they are now."""
        if len(self._bodies) >= _MOST_BODIES or self._kept_bytes >= _MOST_BYTES:
            self._clear()
        self._bodies[self._key(entry, form)] = body, list(entry.queues.values())
        self._kept_bytes += len(body)

    def _key(self, entry: TopicQueues, form: RouteForm) -> _Key:
        zone = None if form.zone_name is None else self._zone(form.zone_name)
        return form.quotes_numbers, zone, self._queues(entry)

    def _queues(self, entry: TopicQueues) -> tuple[int, ...] | int:
        count = len(entry.queues)
        if count <= _MANY_QUEUES:
            return tuple(map(id, entry.queues.values()))
        if self._changes != self._tables.changes:
            self._changes = self._tables.changes
            self._number_of.clear()
        # The rest of a removed group goes without a change that is counted.
        place = entry.topic, count
        number = self._number_of.get(place)
        if number is None:
            if len(self._numbers) >= _MOST_BODIES:
                self._clear()
            ids = tuple(map(id, entry.queues.values()))
            number = self._numbers.setdefault(ids, len(self._numbers))
            self._number_of[place] = number
        return number

    def _zone(self, zone_name: str) -> str:
        if self._zones is None:
            groups = self._tables.broker_addr_table.values()
            self._zones = {data.zone_name.lower() for data in groups if data.zone_name}
        zone = zone_name.lower()
        return zone if zone in self._zones else _NO_ZONE

    def _clear(self) -> None:
        self._bodies.clear()
        self._kept_bytes = 0
        # The queue data of these ids may go with the bodies.
        self._numbers.clear()
        self._number_of.clear()
