"""Numbers that a peer chooses are keys of small dictionaries, or of seeded ones."""

from collections.abc import Iterator

from namesrv.routing.tables.broker_data import BrokerData
from namesrv.testing.peer import Broker, registration_body, topic_config
from namesrv.wire.bodies import QueueData
from tests.routing.world import World

MOST_WITHOUT_SEED = 64
COUNT = 3000


def _numbers(keys: object) -> Iterator[object]:
    """The keys among these that CPython hashes without a seed."""
    for key in keys if isinstance(keys, dict | set) else ():
        parts = key if isinstance(key, tuple) else (key,)
        if all(isinstance(part, int) for part in parts):
            yield key


def test_queues_of_different_numbers_are_kept_by_seeded_keys() -> None:
    world = World()
    world.register(Broker("b", 0, "b:1"))
    data = world.tables.broker_addr_table["b"]
    kept = [data.shared(6, number, 0, number) for number in range(COUNT)]
    for queue_data in kept:
        data.queue_text(queue_data)
    identities = {id(queue_data) for queue_data in kept}
    for name in BrokerData.__slots__:
        peers = set(_numbers(getattr(data, name))) - identities
        assert len(peers) <= MOST_WITHOUT_SEED, name
        hashed = getattr(data, name)
        if isinstance(hashed, dict | set):
            assert not any(isinstance(key, QueueData) for key in hashed), name


def test_a_registration_of_different_numbers_shares_what_is_equal() -> None:
    world = World()
    for name in ("T", "U"):
        table = {
            f"{name}{number}": topic_config(f"{name}{number}", queues=number)
            for number in range(60)
        }
        world.register(Broker("b", 0, "b:1"), registration_body(table))
    topics = world.tables.topic_queue_table
    for number in range(60):
        first, second = topics[f"T{number}"], topics[f"U{number}"]
        assert first.queues["b"] is second.queues["b"]
