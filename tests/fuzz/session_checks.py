"""What has to be true of a server after every step, and when everybody has gone."""

from typing import Any

from namesrv.carried_brokers import MOST_LOST_BROKERS
from namesrv.routing.settings.file_changes import MOST_AT_ONCE
from tests.fuzz.played_session import Session


def check_server(session: Session) -> None:
    """Counters say what is there, nobody is carried twice, nothing grows alone."""
    check_tables(session.world.tables)
    check_owners(session)
    check_waiting(session)
    check_sizes(session)
    session.changes.check()


def check_tables(tables: Any) -> None:
    queues = tables.topic_queue_table
    mappings = tables.topic_queue_mapping_info_table
    assert all(entry.queues for entry in queues.values()), "a topic without queues"
    assert all(mappings.values()), "a topic with no mapping"
    entries = sum(len(entry.queues) for entry in queues.values())
    assert tables.routes == entries + sum(map(len, mappings.values()))
    mapped: dict[str | None, set[str]] = {}
    for topic, infos in mappings.items():
        for name in infos:
            mapped.setdefault(name, set()).add(topic)
    assert tables.mapped_topics == mapped
    assert set(tables.gone_since) <= set(mapped)
    addresses = sum(len(g.broker_addrs) for g in tables.broker_addr_table.values())
    names = sum(map(len, tables.cluster_addr_table.values()))
    groups = len(tables.broker_addr_table)
    assert len(tables.leftovers) <= addresses + groups + names
    live = {info.key for info in tables.broker_live_table.entries()}
    assert set(tables.filter_server_table) <= live


def check_owners(session: Session) -> None:
    """A live broker belongs to one connection, which says so, and no other does."""
    live = session.world.live
    owned = {
        info.key: info.owner
        for info in live.entries()
        if info.owner in session.connections
    }
    carried = [
        (key, connection)
        for connection in session.connections
        for key in connection.registered
    ]
    assert len(carried) == len(owned)
    assert all(owned[key] is connection for key, connection in carried)


def check_waiting(session: Session) -> None:
    """Who waits for nothing is not counted, and who is gone keeps nothing."""
    world, state = session.world, session.world.state
    if not world.writes and not world.queries:
        assert len(state.waiting) == state.waiting.kept_bytes == 0
    if not state.unfinished:
        busy = state.tables.busy
        assert not busy.has_body
        assert not any(map(busy.is_busy, state.tables.broker_addr_table))
        assert not any(map(state.unfinished.is_asking, session.connections))
    # A connection waits for one answer, of at most so many changes that joined.
    assert len(state.waiting) <= MOST_AT_ONCE * len(session.connections)
    assert not any(c.buffered_bytes for c in session.connections if c in world.ended)


def check_sizes(session: Session) -> None:
    world = session.world
    options, answers = world.options, world.tables.route_answers
    assert answers.kept_bytes <= options.answer_cache_bytes
    for connection in session.connections:
        assert connection.buffered_bytes <= session.sent_bytes
        lost = connection.brokers._lost or {}
        assert len(lost) <= MOST_LOST_BROKERS


def check_nothing_stays(session: Session) -> None:
    """Everybody goes, and a day later nothing is left of anybody."""
    session.leave()
    owners = [info.owner for info in session.world.live.entries()]
    assert not any(owner in session.world.ended for owner in owners)
    session.outlive()
    world = session.world
    tables = world.tables
    assert not list(tables.broker_live_table.entries())
    assert not tables.broker_addr_table
    assert not tables.topic_queue_table
    assert not tables.cluster_addr_table
    assert not tables.filter_server_table
    assert not tables.topic_queue_mapping_info_table
    assert not tables.mapped_topics and not tables.gone_since
    assert not len(tables.leftovers) and not tables.routes
    assert not world.state.unfinished and not len(world.state.waiting)
    assert len(tables.route_answers) == 0
