"""A server's own answers to the requests of a load, looked at before they count."""

from collections.abc import Iterator

from bench.driver.client import OPAQUE, AskFailed, Client
from bench.driver.loads import Kind
from bench.driver.tables import Table
from namesrv.testing.peer import Answer, lookup, read_route

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
                frame = lookup(table.topic(number), OPAQUE)
                answer = client.ask_for(SUCCESS, frame)
                check_route(answer, table, number)
                yield frame, answer.frame
        case Kind.UNKNOWN:
            for number in range(table.topics, table.topics + topics):
                frame = lookup(table.topic(number), OPAQUE)
                yield _pair(client, TOPIC_NOT_EXIST, frame)
        case Kind.HEARTBEAT:
            for number in range(table.brokers):
                yield _pair(client, SUCCESS, table.heartbeat(number).frame(OPAQUE))
        case Kind.REGISTER:
            for sending in range(SENDINGS):
                for number in range(table.brokers):
                    request = table.registration(number, sending)
                    yield _pair(client, SUCCESS, request.frame(OPAQUE))


def check_route(answer: Answer, table: Table, topic_number: int) -> None:
    """The route names exactly the brokers that have the topic, or AskFailed."""
    wanted = table.brokers_of(topic_number)
    route = read_route(answer.body)
    for member, found in ("addresses", route.addresses), ("queues", route.queues):
        if found.keys() != wanted:
            raise AskFailed(
                f"the route of {table.topic(topic_number)} has {member} of"
                f" {len(found)} brokers, expected {len(wanted)}"
            )


def _spread(count: int, most: int) -> range:
    """At most `most` numbers below `count`, evenly spread."""
    return range(0, count, -(-count // most))


def _pair(client: Client, code: int, frame: bytes) -> tuple[bytes, bytes]:
    return frame, client.ask_for(code, frame).frame
