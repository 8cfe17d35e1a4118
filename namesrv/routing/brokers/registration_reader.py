"""Reads the body of a registration: large ones in the usual form straight from the
bytes, all others by the typed decoder and the lenient reader (`wire.register_body`).
"""

from typing import Final

from namesrv._impl import TopicConfigs, TopicQueues, scan_topic_configs
from namesrv.routing.tables.registered_topics import (
    DecodedTopics,
    RegisteredTopics,
    ScannedTopics,
)
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.wire.bodies import RegisterBrokerBody
from namesrv.wire.body_limits import BodyLimits
from namesrv.wire.headers import RegisterBrokerRequestHeader
from namesrv.wire.register_body import (
    find_topic_table,
    read_around_topics_steps,
    read_register_broker_body_steps,
)
from namesrv.wire.topic_forms import TopicForms
from namesrv.work import STEP_UNITS, Cost, Steps, kilobytes

SMALL_BODY_BYTES: Final = 4096
"""Bodies of this size may be read while a large one is; the decoder reads them."""

ReadBody = tuple[RegisterBrokerBody, RegisteredTopics | None]
"""A body, and its topics; None if the sender wrote none or null."""


class RegistrationReader:
    """Knows the forms in which brokers write topics, and `latest_group`, whose topics
    another broker's are probably like.

    `scans` is false for the pure twin: its scan is the reference of the compiled one,
    and slower than the typed decoder.
    """

    def __init__(self) -> None:
        self.scans = TopicConfigs.saves_time
        self._forms = TopicForms()
        self._latest_group = ""

    def read_steps(
        self,
        tables: RouteTables,
        header: RegisterBrokerRequestHeader,
        body: bytes | None,
        version: int,
        limits: BodyLimits,
    ) -> Steps[ReadBody]:
        """Read a registration. Raises BodyInvalid, and LimitExceeded for one beyond
        `limits`."""
        if self.scans and body is not None and not header.compressed:
            start = find_topic_table(body, version)
            if start and len(body) > SMALL_BODY_BYTES:
                read = yield from self._scan_steps(tables, header, body, start, limits)
                if read is not None:
                    return read
                yield kilobytes(len(body), Cost.SCANNED_KILOBYTE)
        decoded = yield from read_register_broker_body_steps(
            body, version, compressed=header.compressed, limits=limits
        )
        wrapper = decoded.topic_config_serialize_wrapper
        configs = None if wrapper is None else wrapper.topic_config_table
        return decoded, None if configs is None else DecodedTopics(configs)

    def _scan_steps(
        self,
        tables: RouteTables,
        header: RegisterBrokerRequestHeader,
        body: bytes,
        start: int,
        limits: BodyLimits,
    ) -> Steps[ReadBody | None]:
        configs = scan_topic_configs(body, start, self._forms)
        if configs is None:
            return None
        rest = yield from read_around_topics_steps(
            body, start, configs.end, configs.objects
        )
        if rest is None:
            return None
        is_long = configs.longest_name > limits.name_bytes
        names = configs.names(0, len(configs)) if is_long else ()
        limits.check(rest, is_strict=True, topics=len(configs), names=names)
        if not (yield from self._find_steps(tables, header, configs)):
            return None
        return rest, ScannedTopics(configs)

    def _find_steps(
        self,
        tables: RouteTables,
        header: RegisterBrokerRequestHeader,
        configs: TopicConfigs,
    ) -> Steps[bool]:
        """Find the topics in the tables; False if one comes twice."""
        expected = self._expected(tables, header.broker_name or "")
        table = tables.topic_queue_table
        for start in range(0, len(configs), STEP_UNITS):
            if not configs.find(start, start + STEP_UNITS, table, expected):
                return False
            yield STEP_UNITS // 4
        return True

    def _expected(self, tables: RouteTables, broker_name: str) -> list[TopicQueues]:
        """Topics in the order in which a broker of a group probably names them."""
        groups = tables.broker_addr_table
        latest, self._latest_group = self._latest_group, broker_name
        data = groups.get(broker_name)
        if data is None or not data.topic_refs:
            data = groups.get(latest)
        return [] if data is None else data.topics()
