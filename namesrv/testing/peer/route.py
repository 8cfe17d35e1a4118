"""Routes, read back from answers to 105."""

from typing import NamedTuple

from namesrv.testing.peer.json_text import Json, read_json


class Route(NamedTuple):
    """The brokers of a topic by name: their addresses by id, and their QueueData."""

    addresses: dict[str, dict[int, str]]
    queues: dict[str, Json]


def read_route(body: bytes) -> Route:
    """The route in the body of an answer, in either dialect."""
    route = read_json(body)
    addresses = {
        data["brokerName"]: {int(i): addr for i, addr in data["brokerAddrs"].items()}
        for data in route["brokerDatas"]
    }
    return Route(addresses, {data["brokerName"]: data for data in route["queueDatas"]})
