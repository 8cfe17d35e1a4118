"""What one name server knows, read over the wire."""

from typing import Any, Self

from harness.json_text import parse, to_python
from harness.nameserver import HOST, NameServer
from harness.remoting import Connection
from namesrv.testing.peer import Answer, Request

GET_ROUTE = 105
GET_CLUSTER_INFO = 106
GET_TOPIC_LIST = 206
SUCCESS = 0

Route = dict[str, Any]


class View:
    """A connection to `server`, with the few questions that steps wait for."""

    def __init__(self, server: NameServer) -> None:
        self._connection = Connection(HOST, server.port, server.tls)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self._connection.close()

    def ask(self, request: Request) -> Answer:
        return self._connection.ask(request)

    def topics(self) -> set[str]:
        return set(self._body(Request(GET_TOPIC_LIST))["topicList"])

    def brokers(self) -> dict[str, dict[int, str]]:
        """Broker name -> broker id -> address."""
        table = self._body(Request(GET_CLUSTER_INFO))["brokerAddrTable"]
        return {
            name: {int(key): value for key, value in data["brokerAddrs"].items()}
            for name, data in table.items()
        }

    def clusters(self) -> dict[str, set[str]]:
        """Cluster -> names of its brokers."""
        table = self._body(Request(GET_CLUSTER_INFO))["clusterAddrTable"]
        return {name: set(brokers) for name, brokers in table.items()}

    def route(self, topic: str) -> Route | None:
        """The route, or None if the topic has none."""
        answer = self.ask(Request(GET_ROUTE, {"topic": topic}))
        if answer.code != SUCCESS:
            return None
        route: Route = to_python(parse(answer.body.decode()))
        return route

    def permissions(self, topic: str) -> dict[str, int]:
        """Broker name -> perm of the topic there; empty if it has no route."""
        route = self.route(topic) or {"queueDatas": []}
        return {queue["brokerName"]: queue["perm"] for queue in route["queueDatas"]}

    def _body(self, request: Request) -> Any:
        return to_python(parse(self.ask(request).body.decode()))
