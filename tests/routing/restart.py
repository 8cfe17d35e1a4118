"""A restart: the same routes, read from a file by a new world."""

from typing import Any

from namesrv.testing.peer import Broker
from tests.hot_path.histories import TOPICS
from tests.routing.snapshot import snapshot
from tests.routing.world import World

LEASE_MILLIS = 90_000
A = Broker("a", 0, "a:1", "c1")
A_SLAVE = Broker("a", 1, "a:2", "c1")
B = Broker("b", 0, "b:1", "c1")
READS: list[tuple[int, dict[str, str]]] = [
    *((105, {"topic": topic}) for topic in [*TOPICS, "T9", "none"]),
    *((105, {"topic": t, "__ZONE_MODE": "true", "__ZONE_NAME": "z1"}) for t in TOPICS),
    *((106, {}), (206, {}), (304, {}), (312, {})),
    *((224, {"cluster": cluster}) for cluster in ("c1", "c2")),
    *((901, {"clusterName": "c1", "brokerName": n}) for n in ("b1", "b2", "a")),
]


def restarted(world: World, lease_millis: int = LEASE_MILLIS) -> World:
    """Another world with the same options, KV table and routes."""
    options = {
        name: getattr(world.options, name)
        for name in type(world.options).__slots__
        if name != "data_dir"
    }
    other = World(started_ms=world.now_ms, **options)
    other.files = world.files
    other.state.kv_config.load(world.files.get(world.options.kv_config_path))
    other.begin_warm(world.packed_routes(), lease_millis)
    return other


def answers(world: World) -> list[Any]:
    """What everybody is told."""
    observer = world.connect()
    return [world.ask(*wanted, connection=observer) for wanted in READS]


def facts(world: World) -> dict[str, Any]:
    """Everything that a snapshot keeps."""
    seen = snapshot(world, [])
    # An unregistration that named another cluster leaves an entry without a group.
    groups = world.tables.broker_addr_table.values()
    live = {
        key: seen["live"][key][:2] + seen["live"][key][3:5]
        for data in groups
        for key in data.live_keys
    }
    infos = [info for info in world.live.entries() if info.key in live]
    digests = {info.key: (info.digest, info.answer_ext_fields) for info in infos}
    kept = ("topics", "groups", "clusters", "filters", "mappings", "mapped", "gone")
    return {name: seen[name] for name in kept} | {"live": live, "digests": digests}
