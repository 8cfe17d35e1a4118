"""The file of routes: whatever it holds, it is restored whole or is SnapshotInvalid."""

from collections.abc import Iterable
from typing import Any, Final

from namesrv.errors import SnapshotInvalid
from namesrv.routing.warm_start.pack import read_snapshot
from namesrv.routing.warm_start.records import FIRST_LINE
from namesrv.testing.peer import (
    Broker,
    mapping_info,
    registration,
    registration_body,
    request,
    topic_table,
)
from tests.fuzz.structure import mutate_records
from tests.fuzz.target import Target, tried
from tests.parity.stacks import load_world
from tests.routing.snapshot import reverse_index, scanned_index, snapshot

ALLOWED: Final = (SnapshotInvalid,)
LEASE_MILLIS: Final = 3_000
READS: Final = (
    *((105, {"topic": topic}) for topic in ("T1", "T2", "none")),
    *((106, {}), (206, {}), (304, {}), (312, {})),
    *((224, {"cluster": "c1"}), (901, {"clusterName": "c1", "brokerName": "b"})),
)


def run(data: bytes) -> None:
    """Both twins restore the same, go on with it, and keep it again."""
    seen = [tried(ALLOWED, restored, twin, data) for twin in ("pure", "fast")]
    assert seen[0] == seen[1]


def restored(twin: str, data: bytes) -> list[Any]:
    """Everything that can be seen of a server that began with this file."""
    world = load_world(twin).World(started_ms=1_000_000)
    world.begin_warm(data, LEASE_MILLIS)
    assert reverse_index(world) == scanned_index(world)
    seen: list[Any] = [asked(world), tables_of(world)]
    kept = world.packed_routes()
    read_snapshot(kept)
    seen.append(kept)
    body = registration_body(topic_table("T1", "T7", "T8"))
    seen.append(world.send(registration(Broker("b", 0, "b:1", "c1"), body)))
    read_snapshot(world.packed_routes())
    for stall_millis in (0, 2_000, 200_000, 86_400_000):
        world.tick(stall_millis)
        world.run(12_000)
        seen.append(tables_of(world))
    seen.append(asked(world))
    assert not world.has_event("internal error"), world.event("internal error")
    return seen


def asked(world: Any) -> list[bytes]:
    return [world.send(request(*wanted)) for wanted in READS]


def tables_of(world: Any) -> dict[str, Any]:
    seen = snapshot(world, [world.connection])
    seen["notifications"] = [repr(one) for one in seen["notifications"]]
    return seen


def seeds() -> Iterable[bytes]:
    """No routes, a few, and all kinds of them."""
    world = load_world("pure").World()
    yield world.packed_routes()
    world.send(registration(Broker("b", 0, "b:1", "c1")))
    yield world.packed_routes()
    body = registration_body(
        topic_table("T1", "T3", perm=4),
        mappings={"T3": mapping_info("T3", "b")},
        filters=["f:1", None],
    )
    ext = {"enableActingMaster": "true", "zoneName": "z1"}
    world.send(registration(Broker("b", 1, "b:2", "c1"), body, ext=ext))
    world.send(registration(Broker("a", 0, "a:1", "c2"), body, ext=ext, version=317))
    world.send(registration(Broker("gone", 0, "g:1", "c1"), body, ext=ext))
    world.send(request(104, Broker("gone", 0, "g:1", "c1").ext_fields))
    whole = world.packed_routes()
    yield whole
    yield whole[:-5]
    yield whole.replace(b"version 2", b"version 1")


TARGET: Final = Target(
    "snapshots",
    run,
    ALLOWED,
    seeds,
    mutate_records,
    (FIRST_LINE, b"\xc0", b"\x90"),
    4096,
)
