"""Problems of broker groups: no master, silent, unconfirmed, read only."""

from collections.abc import Iterable, Iterator
from typing import Final

from namesrv._impl import BrokerLiveInfo
from namesrv.admin.api.endpoint import Call
from namesrv.admin.api.resources.brokers import problems_of_group
from namesrv.admin.console.finding import Finding, counted, left, listed, short
from namesrv.routing.history.explain.words import argument, command, duration
from namesrv.routing.state import RoutingState
from namesrv.routing.tables.broker_data import BrokerData
from namesrv.work import Cost, Steps, batches

_MOST_FOUND: Final = 1000
"""Groups after which the search ends: nobody reads more."""
_INFO_UNITS: Final = 3


def group_problems(call: Call) -> Steps[list[Finding]]:
    """Those of all groups."""
    state, now_ms = call.inside.state, call.now_ms
    found: list[Finding] = []
    for some in batches(list(state.tables.broker_addr_table.values()), Cost.GROUP):
        for data in some:
            problems = yield from problems_of_group(state, data, now_ms)
            for problem in problems:
                found += yield from _findings(state, data, problem, now_ms)
        if len(found) >= _MOST_FOUND:
            break
        yield len(some) * Cost.GROUP
    return found


def _findings(
    state: RoutingState, data: BrokerData, problem: str, now_ms: int
) -> Steps[Iterable[Finding]]:
    if problem == "no_master":
        return [_no_master(data)]
    if problem == "read_only":
        return [_read_only(data)]
    if problem == "not_live":
        return [_not_live(data)]
    infos: list[BrokerLiveInfo] = []
    for keys in batches(list(data.live_keys), _INFO_UNITS):
        live = (state.tables.broker_live_table.get(*key) for key in keys)
        infos += [info for info in live if info is not None]
        yield len(keys) * _INFO_UNITS
    finder = _silent if problem == "silent" else _unconfirmed
    return list(finder(state, data, infos, now_ms))


def _no_master(data: BrokerData) -> Finding:
    name = data.broker_name
    return Finding(
        "no_master",
        "warning",
        "broker",
        name,
        f"Broker group {short(name)} of cluster {short(data.cluster)} has no master.",
        "Clients read from its slaves and write to other groups. It ends when a broker"
        " with id 0 registers.",
    )


def _read_only(data: BrokerData) -> Finding:
    name = data.broker_name
    remedy = command("namesrv", "broker", "add-write", *argument(name))
    return Finding(
        "read_only",
        "warning",
        "broker",
        name,
        f"Broker group {short(name)} takes no messages: none of its"
        f" {counted(data.topic_count, 'topic')} has the write permission.",
        "Somebody wiped it, or the broker registers so."
        + (f" `{remedy}` gives it back." if remedy else ""),
    )


def _not_live(data: BrokerData) -> Finding:
    name = data.broker_name
    addrs = [
        str(addr)
        for addr in data.broker_addrs.values()
        if not (addr and data.live_clusters_at(addr))
    ]
    return Finding(
        "not_live",
        "warning",
        "broker",
        name,
        f"Routes show {listed(addrs, len(addrs))} of {short(name)}, where no broker is"
        " registered any more.",
        "Clients that use the address fail. The next scan removes it.",
    )


def _silent(
    state: RoutingState, data: BrokerData, infos: list[BrokerLiveInfo], now_ms: int
) -> Iterator[Finding]:
    for info in infos:
        silent_millis = now_ms - info.last_update_timestamp
        left_millis = info.heartbeat_timeout_millis - silent_millis
        if state.liveness.leases.is_unconfirmed(info):
            continue
        if silent_millis * 2 > info.heartbeat_timeout_millis:
            yield Finding(
                "silent",
                "warning",
                "broker",
                data.broker_name,
                f"Broker {short(data.broker_name)} at {short(info.broker_addr)} was"
                f" last heard {duration(silent_millis)} ago.",
                f"It is removed in {left(left_millis)} if it stays silent."
                if left_millis > 0
                else "It is over its timeout; the next check removes it.",
            )


def _unconfirmed(
    state: RoutingState, data: BrokerData, infos: list[BrokerLiveInfo], now_ms: int
) -> Iterator[Finding]:
    for info in infos:
        if state.liveness.leases.is_unconfirmed(info):
            left_millis = (
                info.last_update_timestamp + info.heartbeat_timeout_millis - now_ms
            )
            yield Finding(
                "unconfirmed",
                "note",
                "broker",
                data.broker_name,
                f"Broker {short(data.broker_name)} at {short(info.broker_addr)} was not"
                " heard from since the start. Its routes are those of the last run.",
                f"It is removed in {left(left_millis)} if it does not come back."
                if left_millis > 0
                else "It is over its timeout; the next check removes it.",
            )
