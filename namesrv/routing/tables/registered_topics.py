"""The topics of a registration that is being applied, whichever way they were read.

The rest of the code sees `count` topics in places 0 to `count` - 1, and asks for those
that differ from the tables. `step` is how many places go into one step of the work,
and `step_units` the cost of comparing them.
"""

from collections.abc import Container
from functools import cached_property
from typing import Final, NamedTuple, Protocol

from namesrv._impl import TopicConfigs, TopicQueues
from namesrv.routing.tables.broker_data import BrokerData
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.wire.bodies import QueueData, TopicConfig
from namesrv.work import STEP_UNITS, Cost, Steps, batches

_MOST_ALIKE: Final = 64
"""Kinds of queues that a registration looks up by their numbers."""


class Different(NamedTuple):
    """Topics, or names of those that are not in the tables, each with its queues."""

    topics: list[TopicQueues | str]
    queue_datas: list[QueueData]


class RegisteredTopics(Protocol):
    """The topics of one registration."""

    count: int
    step: int
    step_units: int

    @property
    def first(self) -> str:
        """The name of the first one; there must be one."""

    @property
    def names(self) -> Container[str]:
        """The keys of the table."""

    def count_new(self, tables: RouteTables, data: BrokerData | None) -> Steps[int]:
        """How many topics have no entry of the group; None for a new group."""

    def different(
        self,
        tables: RouteTables,
        data: BrokerData,
        start: int,
        mask: int,
        refresh: bool,
    ) -> tuple[Different, bool]:
        """Queues of a step that are to be stored, all of them with `refresh`, else only
        those of topics that are new to the group; False if a topic has no name, where
        Java breaks off. `mask` is that of perm."""


class DecodedTopics:
    """Topics that the typed decoder or the lenient reader has read."""

    step = STEP_UNITS // Cost.TOPIC_STORED
    step_units = STEP_UNITS // 3

    def __init__(self, configs: dict[str, TopicConfig]) -> None:
        self.names = configs
        self._configs = list(configs.values())
        self.count = len(configs)
        # Few: CPython hashes numbers without a seed, and a peer chooses these.
        self._memo: dict[tuple[int, int, int, int], QueueData] = {}

    @property
    def first(self) -> str:
        """The name of the first one; there must be one."""
        return next(iter(self.names))

    def count_new(self, tables: RouteTables, data: BrokerData | None) -> Steps[int]:
        """How many topics have no entry of the group; None for a new group."""
        topics: set[str] = set()
        added = 0
        for some in batches(self._configs, Cost.ENTRY):
            names = {c.topic_name for c in some if c.topic_name is not None}
            names -= topics
            topics |= names
            added += len(names)
            if data is not None:
                table = tables.topic_queue_table
                added -= sum(data.has(table.get(topic)) for topic in names)
            yield len(some) * Cost.ENTRY
        return added

    def different(
        self,
        tables: RouteTables,
        data: BrokerData,
        start: int,
        mask: int,
        refresh: bool,
    ) -> tuple[Different, bool]:
        """As `RegisteredTopics.different`."""
        table, memo = tables.topic_queue_table, self._memo
        found: dict[TopicQueues | str, QueueData] = {}
        for config in self._configs[start : start + self.step]:
            topic = config.topic_name
            if topic is None:
                return Different(list(found), list(found.values())), False
            if not refresh and (topic in found or data.has(table.get(topic))):
                continue
            numbers = (
                config.perm & mask,
                config.read_queue_nums,
                config.topic_sys_flag,
                config.write_queue_nums,
            )
            queue_data = memo.get(numbers)
            if queue_data is None:
                queue_data = data.shared(*numbers)
                if len(memo) < _MOST_ALIKE:
                    memo[numbers] = queue_data
            found[topic] = queue_data
        return Different(list(found), list(found.values())), True


class ScannedTopics:
    """Topics that were read straight from the bytes, and found in the tables."""

    step = STEP_UNITS
    step_units = STEP_UNITS // 8

    def __init__(self, configs: TopicConfigs) -> None:
        self._configs = configs
        self.count = len(configs)

    @property
    def first(self) -> str:
        """The name of the first one; there must be one."""
        return self._configs.names(0, 1)[0]

    @cached_property
    def names(self) -> Container[str]:
        """The keys of the table."""
        return frozenset(self._configs.names(0, self.count))

    def count_new(self, tables: RouteTables, data: BrokerData | None) -> Steps[int]:
        """How many topics have no entry of the group; None for a new group."""
        if data is None:
            return self.count
        added = 0
        for start in range(0, self.count, self.step):
            end = start + self.step
            added += self._configs.count_new(start, end, data.broker_name)
            yield self.step_units
        return added

    def different(
        self,
        tables: RouteTables,
        data: BrokerData,
        start: int,
        mask: int,
        refresh: bool,
    ) -> tuple[Different, bool]:
        """As `RegisteredTopics.different`."""
        end, only_new = start + self.step, not refresh
        name, shared = data.broker_name, data.shared
        found = self._configs.different(start, end, name, mask, shared, only_new)
        return Different(*found), True
