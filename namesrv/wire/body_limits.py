"""Limits of one body: topics, names, filter servers, queues of static topics.

No real broker reaches these limits; they bound the memory of a hostile peer. Java has
none (protocol.md section 9.15). docs/architecture.md, "Memory".
"""

from collections.abc import Collection, Iterable, Mapping
from operator import attrgetter
from typing import NamedTuple

from namesrv.errors import LimitExceeded
from namesrv.options import Options
from namesrv.wire.bodies import (
    LONGEST_SHORT_NAME,
    QueueData,
    RegisterBrokerBody,
    TopicConfig,
    TopicQueueMappingInfo,
)

_MOST_BYTES_OF_CHAR = 4
_MAPPING_TEXTS = ("bname", "scope", "topic")


class BodyLimits(NamedTuple):
    """The options that limit a body. Every check raises LimitExceeded."""

    inflated_bytes: int
    topics: int
    name_bytes: int
    filter_servers: int
    mapping_queues: int
    mapped_queues: int

    @classmethod
    def of(cls, options: Options) -> "BodyLimits":
        """The limits that `options` set."""
        return cls(
            inflated_bytes=options.body_max_inflated_bytes,
            topics=options.max_topics_per_registration,
            name_bytes=options.max_name_bytes,
            filter_servers=options.max_filter_servers,
            mapping_queues=options.max_queues_per_mapping,
            mapped_queues=options.max_mapped_queues_per_registration,
        )

    def check(
        self,
        body: RegisterBrokerBody,
        *,
        is_strict: bool = False,
        topics: int = 0,
        names: Collection[str] = (),
    ) -> None:
        """Check all parts of a registration that the tables would keep.

        `is_strict` means that the typed decoder has checked the names of topics. If the
        topics are not in `body`, `topics` is their number, and `names` has their names
        if any of them is long.
        """
        servers = body.filter_server_list or ()
        self.check_filter_servers(len(servers))
        self.check_names("filter server", servers)
        wrapper = body.topic_config_serialize_wrapper
        if wrapper is None:
            return
        configs = wrapper.topic_config_table or {}
        mappings = wrapper.topic_queue_mapping_info_map or {}
        self.check_topics(max(topics, len(configs), len(mappings)))
        self.check_names("topic name", names)
        longest = LONGEST_SHORT_NAME * _MOST_BYTES_OF_CHAR
        if not is_strict or self.name_bytes < longest:
            self._check_configs(configs)
        self._check_mappings(mappings)

    def check_topics(self, count: int) -> None:
        """Check the number of topics, or of mappings, of a registration."""
        if count > self.topics:
            raise LimitExceeded(
                f"registration of {count} topics",
                self.topics,
                "maxTopicsPerRegistration",
            )

    def check_filter_servers(self, count: int) -> None:
        """Check the number of filter servers of a broker."""
        if count > self.filter_servers:
            raise LimitExceeded(
                f"{count} filter servers", self.filter_servers, "maxFilterServers"
            )

    def check_mapping(self, info: TopicQueueMappingInfo) -> None:
        """Check the queues and the texts of one static topic's mapping."""
        self._check_queues(len(info.curr_id_map or ()))
        for name in _MAPPING_TEXTS:
            self.check_name(f"{name} of a mapping", getattr(info, name))

    def check_mapped_queues(self, count: int) -> None:
        """Check the number of queues in all mappings of a registration."""
        if count > self.mapped_queues:
            raise LimitExceeded(
                f"mappings of {count} queues",
                self.mapped_queues,
                "maxMappedQueuesPerRegistration",
            )

    def check_queue_datas(self, queue_datas: Collection[QueueData | None]) -> None:
        """Check the brokers of a topic that request 217 registers, one entry each."""
        if len(queue_datas) > self.topics:
            raise LimitExceeded(
                f"topic of {len(queue_datas)} brokers",
                self.topics,
                "maxTopicsPerRegistration",
            )
        names = [data.broker_name for data in queue_datas if data is not None]
        self.check_names("broker name", names)

    def check_name(self, what: str, text: str | None) -> None:
        """Check the length of a name; `what` is its subject in the error."""
        if text is None or len(text) * _MOST_BYTES_OF_CHAR <= self.name_bytes:
            return
        length = len(text.encode("utf-8", "surrogatepass"))
        if length > self.name_bytes:
            raise LimitExceeded(
                f"{what} of {length} bytes", self.name_bytes, "maxNameBytes"
            )

    def check_names(self, what: str, texts: Collection[str | None]) -> None:
        """Check many names, which are usually short."""
        longest = max(map(len, filter(None, texts)), default=0)
        if longest * _MOST_BYTES_OF_CHAR > self.name_bytes:
            for text in texts:
                self.check_name(what, text)

    def _check_configs(self, configs: Mapping[str, TopicConfig]) -> None:
        """Check the names of topics; the keys of the table are not stored."""
        names = list(map(attrgetter("topic_name"), configs.values()))
        self.check_names("topic name", names)

    def _check_mappings(self, mappings: Mapping[str, TopicQueueMappingInfo]) -> None:
        if not mappings:
            return
        infos = mappings.values()
        self.check_names("topic name", mappings)
        for name in _MAPPING_TEXTS:
            texts = list(map(attrgetter(name), infos))
            self.check_names(f"{name} of a mapping", texts)
        counts = list(map(len, _queues(infos)))
        self._check_queues(max(counts, default=0))
        self.check_mapped_queues(sum(counts))

    def _check_queues(self, count: int) -> None:
        if count > self.mapping_queues:
            raise LimitExceeded(
                f"mapping of {count} queues",
                self.mapping_queues,
                "maxQueuesPerMapping",
            )


def _queues(infos: Iterable[TopicQueueMappingInfo]) -> Iterable[dict[int, int]]:
    return filter(None, map(attrgetter("curr_id_map"), infos))
