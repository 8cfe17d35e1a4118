"""A server's own answers to the requests of a load, looked at before they count."""

import json
from collections.abc import Iterator
from typing import Any

from bench.driver.loads import Kind
from bench.driver.remoting import Answer, AskFailed, Client, Request, route_request
from bench.driver.tables import Table

SUCCESS = 0
TOPIC_NOT_EXIST = 17
SENDINGS = 2


def right_pairs(
    client: Client, kind: Kind, table: Table, topics: int
) -> Iterator[tuple[bytes, bytes]]:
    """(request, answer) of a load. Raises AskFailed for an answer that is not right.

    `topics` bounds how many different topics are asked for.
    """
    match kind:
        case Kind.LOOKUP | Kind.MIXED:
            for number in _spread(table.topics, topics):
                request = route_request(table.topic(number))
                answer = client.ask_for(SUCCESS, request)
                check_route(answer, table, number)
                yield request.frame(), answer.frame
        case Kind.UNKNOWN:
            for number in range(table.topics, table.topics + topics):
                request = route_request(table.topic(number))
                yield _pair(client, TOPIC_NOT_EXIST, request)
        case Kind.HEARTBEAT:
            for number in range(table.brokers):
                yield _pair(client, SUCCESS, table.heartbeat(number))
        case Kind.REGISTER:
            for sending in range(SENDINGS):
                for number in range(table.brokers):
                    yield _pair(client, SUCCESS, table.registration(number, sending))


def check_route(answer: Answer, table: Table, topic_number: int) -> None:
    """The route names exactly the brokers that have the topic, or AskFailed."""
    body: dict[str, Any] = json.loads(answer.body)
    wanted = table.brokers_of(topic_number)
    for member in ("brokerDatas", "queueDatas"):
        found = [entry["brokerName"] for entry in body[member]]
        if sorted(found) != sorted(wanted):
            raise AskFailed(
                f"the route of {table.topic(topic_number)} has {len(found)} brokers in"
                f" {member}, expected {len(wanted)}"
            )


def _spread(count: int, most: int) -> range:
    """At most `most` numbers below `count`, evenly spread."""
    return range(0, count, -(-count // most))


def _pair(client: Client, code: int, request: Request) -> tuple[bytes, bytes]:
    return request.frame(), client.ask_for(code, request).frame
