"""The questions and changes that a NameServer of 4.9 or 5.x understands, by name.

Source: `MQClientAPIImpl`; protocol.md chapter 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Self, TypeVar

from namesrv.client import bodies
from namesrv.client.frames import Request
from namesrv.codes import (
    ORDER_TOPIC_CONFIG,
    PING_TOPIC,
    TOOL,
    ZONE_MODE,
    ZONE_NAME,
    RequestCode,
    ResponseCode,
)

if TYPE_CHECKING:
    from namesrv.client.nameservers import NameServers, Outcome

Result = TypeVar("Result")


def lookup(topic: str) -> Request:
    """The question for a route, with the mark that no client asks it."""
    fields = {"topic": topic, TOOL: "true"}
    return Request(RequestCode.GET_ROUTEINFO_BY_TOPIC, fields)


class Questions:
    """Asks NameServers. Each method raises NameServerUnreachable and RequestRefused."""

    def __init__(self, servers: NameServers) -> None:
        self.servers = servers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.servers.close()

    def route(self, topic: str, zone: str | None = None) -> bodies.Route | None:
        """The route of a topic, as a client of the zone gets it; None if unknown."""
        request = lookup(topic)
        if zone is not None:
            request.ext_fields |= {ZONE_NAME: zone, ZONE_MODE: "true"}
        return self._ask(request, bodies.read_route, ResponseCode.TOPIC_NOT_EXIST)

    def routes(self, topics: Sequence[str]) -> Iterator[bodies.Route | None]:
        """The routes of many topics, in their order; None for an unknown one."""
        return self.bodies_of_routes(topics, bodies.read_route)

    def bodies_of_routes(
        self, topics: Sequence[str], read: Callable[[bytes], Result]
    ) -> Iterator[Result | None]:
        """The same, as `read` understands the body of an answer.

        All come from one server. The requests are sent in batches, so that the time of
        a round trip counts once for each batch.
        """
        yield from self.servers.ask_many(
            list(map(lookup, topics)),
            lambda answer: read(answer.body),
            ResponseCode.TOPIC_NOT_EXIST,
        )

    def routes_at_all(self, topic: str) -> list[Outcome]:
        """The answer of each server to the question for a route."""
        return self.servers.ask_all(lookup(topic))

    def ping(self) -> None:
        """Ask for a topic that no broker has. Any answer but a refusal will do."""
        self._ask(lookup(PING_TOPIC), bytes, ResponseCode.TOPIC_NOT_EXIST)

    def topics(self) -> list[str]:
        """The names of all topics, in order."""
        request = Request(RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER)
        return self._ask(request, bodies.read_topic_list) or []

    def topics_of_cluster(self, cluster: str) -> list[str]:
        """The names of the topics that a cluster has, in order."""
        request = Request(RequestCode.GET_TOPICS_BY_CLUSTER, {"cluster": cluster})
        return self._ask(request, bodies.read_topic_list) or []

    def clusters(self) -> bodies.ClusterInfo:
        """All clusters and broker groups."""
        request = Request(RequestCode.GET_BROKER_CLUSTER_INFO)
        found = self._ask(request, bodies.read_cluster_info)
        assert found is not None
        return found

    def kv_table(self, namespace: str) -> dict[str, str] | None:
        """The keys and values of a namespace; None if there is none."""
        fields = {"namespace": namespace}
        request = Request(RequestCode.GET_KVLIST_BY_NAMESPACE, fields)
        return self._ask(request, bodies.read_kv_table, ResponseCode.QUERY_NOT_FOUND)

    def kv_value(self, namespace: str, key: str) -> str | None:
        """The value of a key; None if there is none."""
        fields = {"namespace": namespace, "key": key}
        request = Request(RequestCode.GET_KV_CONFIG, fields)
        return self.servers.ask(
            request,
            lambda answer: answer.ext_fields.get("value", ""),
            ResponseCode.QUERY_NOT_FOUND,
        )

    def kv_value_at_all(self, namespace: str, key: str) -> list[Outcome]:
        """The answer of each server to the question for a key."""
        fields = {"namespace": namespace, "key": key}
        return self.servers.ask_all(Request(RequestCode.GET_KV_CONFIG, fields))

    def order_configuration(self, topic: str) -> str | None:
        """The order configuration of a topic, which the KV table has."""
        return self.kv_value(ORDER_TOPIC_CONFIG, topic)

    def configurations(self) -> list[tuple[Outcome, dict[str, str]]]:
        """The options of each server; they are empty where its outcome is a failure."""
        outcomes = self.servers.ask_all(Request(RequestCode.GET_NAMESRV_CONFIG))
        return [(one, _configuration(one)) for one in outcomes]

    def delete_topic(self, topic: str, cluster: str | None = None) -> list[Outcome]:
        """Delete a topic's route at every server, of one cluster or of all."""
        fields = {"topic": topic}
        if cluster is not None:
            fields["clusterName"] = cluster
        return self.servers.ask_all(
            Request(RequestCode.DELETE_TOPIC_IN_NAMESRV, fields)
        )

    def wipe_write_permission(self, broker: str) -> list[Outcome]:
        """Take the write permission from all topics of a broker group, at every server.

        The ext field `wipeTopicCount` of an answer has their number.
        """
        code = RequestCode.WIPE_WRITE_PERM_OF_BROKER
        return self.servers.ask_all(Request(code, {"brokerName": broker}))

    def add_write_permission(self, broker: str) -> list[Outcome]:
        """Give it back; `addTopicCount` has the number."""
        code = RequestCode.ADD_WRITE_PERM_OF_BROKER
        return self.servers.ask_all(Request(code, {"brokerName": broker}))

    def put_kv(self, namespace: str, key: str, value: str) -> list[Outcome]:
        """Set the value of a key at every server."""
        fields = {"namespace": namespace, "key": key, "value": value}
        return self.servers.ask_all(Request(RequestCode.PUT_KV_CONFIG, fields))

    def delete_kv(self, namespace: str, key: str) -> list[Outcome]:
        """Delete a key at every server."""
        fields = {"namespace": namespace, "key": key}
        return self.servers.ask_all(Request(RequestCode.DELETE_KV_CONFIG, fields))

    def set_options(self, options: Mapping[str, str]) -> list[Outcome]:
        """Change options at every server."""
        from namesrv.wire.properties import write_properties  # noqa: PLC0415

        body = write_properties(options.items()).encode()
        return self.servers.ask_all(
            Request(RequestCode.UPDATE_NAMESRV_CONFIG, None, body)
        )

    def _ask(
        self,
        request: Request,
        read: Callable[[bytes], Result],
        not_found: int | None = None,
    ) -> Result | None:
        """The body of the answer, as `read` understands it; None for `not_found`."""
        return self.servers.ask(request, lambda answer: read(answer.body), not_found)


def _configuration(outcome: Outcome) -> dict[str, str]:
    if outcome.failure is not None or outcome.answer is None:
        return {}
    return bodies.read_configuration(outcome.answer.body)
