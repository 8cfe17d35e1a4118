"""`/v1/history/at` and `/v1/history/between`: routes of a moment, and differences.

The routes of a moment are those of now, except for the entries that changed since.
Tables and events go on while a page is made, so that new events are taken before each
reading of the tables.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from namesrv.admin.api.answers import respond
from namesrv.admin.api.endpoint import Call
from namesrv.admin.api.pages import NamedPageParameters, Next
from namesrv.admin.history.moments import add_events, number_at
from namesrv.admin.history.parameters import link_with, moment_of
from namesrv.admin.http.messages import HttpAnswer
from namesrv.errors import HttpRefused
from namesrv.routing.history.touched import Touched, Window
from namesrv.routing.state import RoutingState
from namesrv.routing.tables.ordered_texts import OrderedTexts
from namesrv.work import Cost, Steps

_READ_AT_ONCE: Final = 64
_NAME_UNITS: Final = 4

_Kind = Annotated[
    Literal["topics", "brokers"], Meta(description="the things that are listed")
]
_Topic = Annotated[
    str | UnsetType, Meta(description="only this topic, and its broker groups")
]
_MOMENT: Final = (
    "an age (`10m`), a date (`2026-11-28T14:30:00Z`; UTC without a zone) or"
    " milliseconds since 1970"
)


class AtParameters(NamedPageParameters, kw_only=True):
    """A moment, and the routes of it that are wanted."""

    time: Annotated[str, Meta(description=f"the moment: {_MOMENT}")]
    kind: _Kind = "topics"
    topic: _Topic = UNSET


class BetweenParameters(
    NamedPageParameters, kw_only=True, rename={"begin": "from", "end": "to"}
):
    """Two moments, and the differences that are wanted."""

    begin: Annotated[str, Meta(description=f"the first moment: {_MOMENT}")]
    end: Annotated[str, Meta(description="the second moment, alike; `0s` is now")]
    kind: _Kind = "topics"


class TopicThen(Struct):
    """A topic of a moment."""

    topic: Annotated[str, Meta(description="its name")]
    brokers: Annotated[list[str], Meta(description="broker groups that had it")]


class BrokerThen(Struct):
    """A broker group of a moment."""

    broker: Annotated[str, Meta(description="its name")]
    cluster: Annotated[str | None, Meta(description="its cluster")]
    addresses: Annotated[
        dict[str, str], Meta(description="host:port by broker id; 0 is the master")
    ]


_Complete = Annotated[
    bool,
    Meta(description="false if the record of an event had no room for some names"),
]


class RoutesThen(Struct):
    """Topics or broker groups of a moment, by name."""

    run: Annotated[str, Meta(description="name of this run of the server")]
    at_millis: Annotated[int, Meta(description="the moment, milliseconds since 1970")]
    number: Annotated[int, Meta(description="the last event until then, 0: none")]
    is_complete: _Complete
    topics: Annotated[
        list[TopicThen] | UnsetType, Meta(description="a page of topics")
    ] = UNSET
    brokers: Annotated[
        list[BrokerThen] | UnsetType, Meta(description="a page of broker groups")
    ] = UNSET
    next: Next = UNSET


class TopicDifference(Struct):
    """A topic that differs."""

    topic: Annotated[str, Meta(description="its name")]
    added_on: Annotated[list[str], Meta(description="groups that have it since")]
    changed_on: Annotated[
        list[str], Meta(description="groups whose queues or permission changed")
    ]
    removed_from: Annotated[
        list[str], Meta(description="groups that do not have it any more")
    ]


class BrokerDifference(Struct):
    """A broker group whose addresses differ; ids that are alike are left out."""

    broker: Annotated[str, Meta(description="name of the group")]
    before: Annotated[
        dict[str, str], Meta(description="host:port by broker id, at the first moment")
    ]
    after: Annotated[
        dict[str, str], Meta(description="host:port by broker id, at the second")
    ]


class Differences(Struct):
    """Topics or brokers that differ between two moments, by name."""

    run: Annotated[str, Meta(description="name of this run of the server")]
    from_number: Annotated[
        int, Meta(description="the last event until the first moment, 0: none")
    ]
    to_number: Annotated[
        int, Meta(description="the last event until the second moment, 0: none")
    ]
    is_complete: _Complete
    topics: Annotated[
        list[TopicDifference] | UnsetType, Meta(description="a page of topics")
    ] = UNSET
    brokers: Annotated[
        list[BrokerDifference] | UnsetType, Meta(description="a page of brokers")
    ] = UNSET
    next: Next = UNSET


def get_at(call: Call) -> Steps[HttpAnswer]:
    """Topics or brokers of a moment, or one topic with its brokers."""
    state, wanted = call.inside.state, call.parameters
    millis = _moment("time", wanted.time, call)
    number = yield from number_at(call, "time", millis)
    if wanted.topic is not UNSET:
        topics, brokers = Window(only=wanted.topic), Window()
    else:
        topics, brokers = _windows(wanted)
    touched = Touched(topics, brokers)
    touched.number = number
    page = RoutesThen(state.run, millis, number, True)
    cursor: str | UnsetType = UNSET
    if wanted.topic is not UNSET:
        yield from add_events(call, touched)
        page.topics = list(_topic_then(state, touched, wanted.topic))
        names = [name for one in page.topics for name in one.brokers]
        page.brokers = [one for n in names for one in _broker_then(state, touched, n)]
    elif wanted.kind == "topics":
        page.topics, cursor = yield from _topics_page(call, touched, topics)
    else:
        page.brokers, cursor = yield from _brokers_page(call, touched)
    page.is_complete = touched.is_complete
    page.next = _link(wanted, {"time": millis}, cursor)
    return respond(call.request, page)


def _moment(name: str, text: str, call: Call) -> int:
    millis = moment_of(name, text, call)
    assert millis is not None
    return millis


def _windows(wanted: NamedPageParameters) -> tuple[Window, Window]:
    """Of topics and of brokers; one of them is empty."""
    after = "" if wanted.after is UNSET else wanted.after
    window, nothing = Window(after, wanted.prefix), Window(only="\0")
    is_of_topics = getattr(wanted, "kind", "topics") == "topics"
    return (window, nothing) if is_of_topics else (nothing, window)


def _topics_page(
    call: Call, touched: Touched, window: Window
) -> Steps[tuple[list[TopicThen], str | UnsetType]]:
    state, limit = call.inside.state, call.parameters.limit
    _check_topics_are_listed(call)
    texts = yield from state.topic_lists.names()
    found: list[TopicThen] = []
    last = window.after
    while True:
        # Events first: a topic that went since is in them.
        yield from add_events(call, touched)
        names = _next_names(texts, touched.topics, window, last)
        for name in names:
            if len(found) == limit:
                return found, found[-1].topic
            found += _topic_then(state, touched, name)
        if not names:
            return found, UNSET if window.end is None else window.end
        last = names[-1]
        yield len(names) * _NAME_UNITS


def _brokers_page(
    call: Call, touched: Touched
) -> Steps[tuple[list[BrokerThen], str | UnsetType]]:
    """Groups are few beside topics, so that all their names are put in order."""
    state, wanted = call.inside.state, call.parameters
    after = "" if wanted.after is UNSET else wanted.after
    yield from add_events(call, touched)
    names = {*state.tables.broker_addr_table, *touched.addresses}
    names = {n for n in names if n > after and n.startswith(wanted.prefix)}
    yield len(names) * Cost.GROUP
    ordered = iter(sorted(names))
    found: list[BrokerThen] = []
    while some := list(islice(ordered, _READ_AT_ONCE)):
        yield from add_events(call, touched)
        for name in some:
            if len(found) == wanted.limit:
                return found, found[-1].broker
            found += _broker_then(state, touched, name)
        yield len(some) * _NAME_UNITS
    return found, UNSET


def _next_names(
    texts: OrderedTexts, touched: Iterable[str], window: Window, last: str
) -> list[str]:
    """Some names of now and then after one, in order, that are in the window."""
    if last < window.prefix:
        present = texts.following(window.prefix, _READ_AT_ONCE, is_included=True)
    else:
        present = texts.following(last, _READ_AT_ONCE)
    names = {name for name in (*present, *touched) if name > last and window.has(name)}
    end = present[-1] if len(present) == _READ_AT_ONCE else None
    return sorted(name for name in names if end is None or name <= end)


def _topic_then(
    state: RoutingState, touched: Touched, topic: str
) -> Iterator[TopicThen]:
    """The topic, if a group had it then."""
    entry = state.tables.topic_queue_table.get(topic)
    changed = touched.topics.get(topic, {})
    brokers = {name for name, (before, _) in changed.items() if before}
    if entry is not None:
        brokers |= entry.queues.keys() - changed.keys()
    if brokers:
        yield TopicThen(topic, sorted(brokers))


def _broker_then(
    state: RoutingState, touched: Touched, name: str
) -> Iterator[BrokerThen]:
    """The group, if a broker of it had an address then."""
    data = state.tables.broker_addr_table.get(name)
    addresses = {} if data is None else dict(data.broker_addrs.items())
    for broker_id, (before, _) in touched.addresses.get(name, {}).items():
        addresses.pop(broker_id, None)
        if before is not None:
            addresses[broker_id] = before
    cluster = touched.clusters.get(name) or (None if data is None else data.cluster)
    if addresses:
        ordered = sorted((i, addr) for i, addr in addresses.items() if addr)
        yield BrokerThen(name, cluster, {str(i): addr for i, addr in ordered})


def _check_topics_are_listed(call: Call) -> None:
    """Raises HttpRefused (403) if the operator has switched lists of topics off."""
    if not call.inside.state.options.enable_all_topic_list:
        raise HttpRefused(
            403, "the list of topics is switched off (enableAllTopicList=false)"
        )


def get_between(call: Call) -> Steps[HttpAnswer]:
    """The differences between two moments, from the events between them."""
    wanted = call.parameters
    if wanted.kind == "topics":
        _check_topics_are_listed(call)
    begin = _moment("from", wanted.begin, call)
    end = _moment("to", wanted.end, call)
    if begin > end:
        raise HttpRefused(400, "the parameter from is later than the parameter to")
    first = yield from number_at(call, "from", begin)
    last = yield from number_at(call, "to", end)
    topics, brokers = _windows(wanted)
    touched = Touched(topics, brokers)
    touched.number = first
    yield from add_events(call, touched, max(first, last))
    page = Differences(call.inside.state.run, first, last, touched.is_complete)
    after: str | UnsetType = UNSET if topics.end is None else topics.end
    if wanted.kind == "topics":
        found = list(islice(_topic_differences(touched), wanted.limit + 1))
        page.topics = found[: wanted.limit]
        if len(found) > wanted.limit:
            after = page.topics[-1].topic
    else:
        groups = list(_broker_differences(touched))
        page.brokers = groups[: wanted.limit]
        if len(groups) > wanted.limit:
            after = page.brokers[-1].broker
    page.next = _link(wanted, {"begin": begin, "end": end}, after)
    yield len(touched.topics) + len(touched.addresses)
    return respond(call.request, page)


def _topic_differences(touched: Touched) -> Iterator[TopicDifference]:
    for topic in sorted(touched.topics):
        found = TopicDifference(topic, [], [], [])
        for broker, (before, after) in sorted(touched.topics[topic].items()):
            if before and after:
                found.changed_on.append(broker)
            elif after:
                found.added_on.append(broker)
            elif before:
                found.removed_from.append(broker)
        if found.added_on or found.changed_on or found.removed_from:
            yield found


def _broker_differences(touched: Touched) -> Iterator[BrokerDifference]:
    for name in sorted(touched.addresses):
        found = BrokerDifference(name, {}, {})
        for broker_id, (before, after) in sorted(touched.addresses[name].items()):
            if before == after:
                continue
            if before:
                found.before[str(broker_id)] = before
            if after:
                found.after[str(broker_id)] = after
        if found.before or found.after:
            yield found


def _link(
    wanted: NamedPageParameters, moments: Mapping[str, int], after: str | UnsetType
) -> Next:
    """The link to the next page of the same moments."""
    if after is UNSET:
        return UNSET
    values = {**structs.asdict(wanted), **moments, "after": after}
    names = {field.name: field.encode_name for field in structs.fields(wanted)}
    return link_with({names[name]: value for name, value in values.items()})
