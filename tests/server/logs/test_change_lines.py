"""Each event as a line of the log."""

import logging
from typing import Any

import pytest

from namesrv.routing import events
from namesrv.routing.events import (
    BrokerChanged,
    BrokerDisconnected,
    BrokerExpired,
    BrokerRegistered,
    BrokerReplaced,
    BrokerUnregistered,
    Cause,
    CauseKind,
    ConfigChanged,
    Event,
    KvChanged,
    LeftoverRemoved,
    PeerAgreed,
    PeerDisagreed,
    PermissionChanged,
    TopicAdded,
    TopicAskedInVain,
    TopicChanged,
    TopicChanges,
    TopicRemoved,
)
from namesrv.routing.outbox import BURST, BURST_OF_BROKERS
from namesrv.server.logs.change_lines import MOST_NAMES, line_of
from namesrv.testing.peer import (
    Broker,
    data_version,
    mapping_info,
    registration_body,
    topic_config,
    topic_table,
)
from tests.routing.world import World

ASKED = Cause(CauseKind.REQUEST, 103, "r:1", "proxy:1")
CLOSED = Cause(CauseKind.CONNECTION, 0, "r:1")
SILENT = Cause(CauseKind.EXPIRY, 0, "r:1")
NOT_BACK = Cause(CauseKind.LEASE)
LEFT_OVER = Cause(CauseKind.LEFTOVER)
SIGHUP = Cause(CauseKind.RELOAD)
COMPARED = Cause(CauseKind.COMPARISON)
BROKER = ("c1", "b", "m:1", 7)
MOVED = ("address", "zone")
TOPICS = TopicChanges(["a", "b"], ["c"], ["d"], ["e"])
GONE: Any = (
    (0,),
    True,
    120_000,
    130_000,
    None,
    True,
    False,
    TopicChanges(removed=["a"]),
)
LENT: Any = ((0,), True, 120_000, None, "c2", False, False, TopicChanges())
SLAVES: Any = ((0,), True, 1, 2, None, False, True, TopicChanges(changed=["a", "b"]))
IDENTITY = "cluster=c1 broker=b address=m:1"

LINES: dict[str, tuple[Event, str]] = {
    "registered": (
        BrokerRegistered(5, ASKED, *BROKER, 0, "ha:1", "old:1", TOPICS),
        f"INFO new broker registered: {IDENTITY} id=0 ha=ha:1 replaces=old:1"
        " added=2 changed=1 removed=1 mapped=1 remote=r:1",
    ),
    "topics changed": (
        BrokerChanged(5, ASKED, *BROKER, 0, ("version",), None, TOPICS),
        f"INFO topics of a broker changed: {IDENTITY} id=0 parts=version"
        " added=2 changed=1 removed=1 mapped=1 remote=r:1",
    ),
    "broker changed": (
        BrokerChanged(5, ASKED, *BROKER, 0, MOVED, "old:1", TopicChanges()),
        f"INFO broker changed: {IDENTITY} id=0 parts=address,zone replaces=old:1"
        " remote=r:1",
    ),
    "replaced": (
        BrokerReplaced(5, ASKED, *BROKER, "new:1"),
        f"INFO broker replaced by another address: {IDENTITY} replaced_by=new:1"
        " remote=r:1",
    ),
    "unregistered": (
        BrokerUnregistered(5, ASKED, *BROKER, *GONE),
        f"INFO broker unregistered: {IDENTITY} ids=0 was_live=True topics=1 remote=r:1",
    ),
    "expired": (
        BrokerExpired(5, SILENT, *BROKER, *GONE),
        f"WARNING broker expired: {IDENTITY} ids=0 was_live=True topics=1"
        " timeout_millis=120000 silent_millis=130000 remote=r:1",
    ),
    "not back": (
        BrokerExpired(5, NOT_BACK, *BROKER, *LENT),
        f"WARNING broker of the last run did not come back: {IDENTITY} ids=0"
        " was_live=True topics=0 registered_in=c2",
    ),
    "disconnected": (
        BrokerDisconnected(5, CLOSED, *BROKER, *SLAVES),
        f"INFO connection of a broker closed: {IDENTITY} ids=0 was_live=True topics=0"
        " read_only_topics=2 remote=r:1",
    ),
    "leftover": (
        LeftoverRemoved(5, LEFT_OVER, "b", "c1", (1, 2), True, TOPICS),
        "INFO leftover of a broker removed: broker=b cluster=c1 ids=1,2 topics=1"
        " mappings=1",
    ),
    "topic added": (
        TopicAdded(5, ASKED, "T", ["b", "a"]),
        "INFO topic registered: topic=T brokers=a,b remote=r:1",
    ),
    "topic changed": (
        TopicChanged(5, ASKED, "T", ["a"]),
        "INFO topic changed: topic=T brokers=a remote=r:1",
    ),
    "topic removed": (
        TopicRemoved(5, ASKED, "T", ["a"], None),
        "INFO topic deleted: topic=T brokers=a remote=r:1",
    ),
    "topic removed of a cluster": (
        TopicRemoved(5, ASKED, "T", [*"abcdefghijklmnopqrstuvwxyz"], "c1"),
        "INFO topic deleted: topic=T cluster=c1"
        " brokers=a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,... (26) remote=r:1",
    ),
    "wiped": (
        PermissionChanged(5, ASKED, "b", False, ["a", "b"]),
        "INFO write permission wiped: broker=b topics=2 remote=r:1",
    ),
    "writable": (
        PermissionChanged(5, ASKED, "b", True, ["a"]),
        "INFO write permission added: broker=b topics=1 remote=r:1",
    ),
    "KV put": (
        KvChanged(5, ASKED, "n", "k", False),
        "INFO KV configuration put: namespace=n key=k remote=r:1",
    ),
    "KV deleted": (
        KvChanged(5, ASKED, "n", "k", True),
        "INFO KV configuration deleted: namespace=n key=k remote=r:1",
    ),
    "option by a peer": (
        ConfigChanged(5, ASKED, "maxRoutes", 1, 2),
        "INFO configuration changed: key=maxRoutes old=1 new=2 remote=r:1",
    ),
    "option by a reload": (
        ConfigChanged(5, SIGHUP, "maxRoutes", 1, 2),
        "INFO configuration changed: key=maxRoutes old=1 new=2 by=SIGHUP",
    ),
    "topic asked for in vain": (
        TopicAskedInVain(5, ASKED, "t", "JAVA", 479),
        "INFO topic asked for in vain: topic=t language=JAVA version=479 remote=r:1",
    ),
    "peer that disagrees": (
        PeerDisagreed(5, COMPARED, "p:1", 7, ["a", "b", "c", "d"]),
        "WARNING a peer has other routes: peer=p:1 differences=7 first=a; b; c",
    ),
    "peer that agrees": (
        PeerAgreed(5, COMPARED, "p:1"),
        "INFO a peer has the same routes again: peer=p:1",
    ),
}


@pytest.mark.parametrize("name", LINES)
def test_event_has_this_line(name: str) -> None:
    event, expected = LINES[name]
    line = line_of(event)
    fields = " ".join(f"{field}={value}" for field, value in line.fields.items())
    level = logging.getLevelName(line.level)
    assert f"{level} {line.event}: {fields}" == expected


def test_every_kind_of_event_has_a_line_in_the_table() -> None:
    kinds = [k for k in vars(events).values() if isinstance(k, type)]
    kinds = [kind for kind in kinds if issubclass(kind, Event)]
    found = {
        k for k in kinds if not any(issubclass(o, k) and o is not k for o in kinds)
    }
    assert {type(event) for event, _ in LINES.values()} == found


def test_unknown_kind_of_event_has_no_line() -> None:
    with pytest.raises(TypeError, match="Event has no line"):
        line_of(Event(5, ASKED))


@pytest.mark.parametrize("name", LINES)
def test_line_that_peers_cause_is_limited(name: str) -> None:
    event, _ = LINES[name]
    line = line_of(event)
    assert line.peer_caused is (event.cause is not SIGHUP)
    is_of_broker = hasattr(event, "epoch")
    assert line.burst == (BURST_OF_BROKERS if is_of_broker else BURST)


# --- topics of a registration ---------------------------------------------------------

REGISTERED = "new broker registered"
CHANGED = "topics of a broker changed"


def counts(world: World) -> list[tuple[Any, ...]]:
    """added, changed, removed, mapped of each line."""
    names = ("added", "changed", "removed", "mapped")
    lines = [line for line in world.events if line.event in (REGISTERED, CHANGED)]
    return [tuple(line.fields[n] for n in names) for line in lines]


def register(world: World, counter: int, topics: Any, **more: Any) -> None:
    body = registration_body(topics, version=data_version(counter), **more)
    world.register(body=body)


def test_registration_has_one_line_with_counts() -> None:
    world = World(delete_topic_with_broker_registration=True)
    register(world, 1, topic_table("T1", "T2", "T3"))
    register(world, 2, {**topic_table("T1", "T4"), "T2": topic_config("T2", 8)})
    assert [line.event for line in world.events] == [REGISTERED, CHANGED]
    assert counts(world) == [(3, 0, 0, 0), (1, 1, 1, 0)]
    assert world.events[1].fields["address"] == Broker().addr
    assert "names" not in world.events[1].fields


def test_unchanged_registration_has_no_line() -> None:
    world = World()
    for _ in range(3):
        register(world, 1, topic_table("T1", "T2"))
    assert [line.event for line in world.events] == [REGISTERED]


def test_another_version_alone_is_a_changed_broker() -> None:
    world = World()
    for counter in (1, 2):
        register(world, counter, topic_table("T1", "T2"))
    assert [line.event for line in world.events] == [REGISTERED, "broker changed"]
    assert world.event("broker changed")["parts"] == "version"


def test_mappings_are_counted() -> None:
    world = World()
    mapping = {"T1": mapping_info("T1", "broker-a")}
    register(world, 1, topic_table("T1", "T2"), mappings=mapping)
    mapping = {"T1": mapping_info("T1", "broker-a", 9)}
    register(world, 2, topic_table("T1", "T2"), mappings=mapping)
    assert counts(world) == [(2, 0, 0, 1), (0, 0, 0, 1)]


def test_lines_name_topics_at_debug() -> None:
    world = World(log_level="DEBUG")
    register(world, 1, topic_table("T1", "T2"))
    register(world, 2, {**topic_table("T1", "T3"), "T2": topic_config("T2", 8)})
    assert world.event(REGISTERED)["names"] == ["T1", "T2"]
    assert world.event(CHANGED)["names"] == ["T3", "T2"]
    assert world.event(CHANGED)["more"] == 0


def test_line_names_a_bounded_number_of_topics() -> None:
    world = World(log_level="DEBUG")
    register(world, 1, topic_table(*map(str, range(MOST_NAMES + 7))))
    line = world.event(REGISTERED)
    assert line["names"] == [str(number) for number in range(MOST_NAMES)]
    assert line["more"] == 7
