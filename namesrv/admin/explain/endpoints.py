"""`/v1/topics/{topic}/explain` and `/v1/brokers/{name}/explain`.

The explanation is the resource, so that a name which does not exist has one, too.
"""

from heapq import nsmallest
from typing import Final

import msgspec

from namesrv.admin.api.answers import respond
from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.api.nearest import note_nearest
from namesrv.admin.api.resources.missing import missing_record
from namesrv.admin.api.resources.route_records import (
    MOST_READ_BACK_BYTES,
    read_route,
)
from namesrv.admin.explain import past, present
from namesrv.admin.explain.records import (
    BrokerExplanation,
    EvidenceRecord,
    ExplainBrokerParameters,
    ExplainedCause,
    ExplainTopicParameters,
    KnownBroker,
    RouteAnswer,
    TopicExplanation,
)
from namesrv.admin.history.facts import EventFacts, put_into_words
from namesrv.admin.http.messages import Handled, HttpAnswer
from namesrv.admin.metrics.health import stall_millis_ago
from namesrv.codes import (
    VERSION_V5_3_1,
    ZONE_MODE,
    ZONE_NAME,
    RequestCode,
    ResponseCode,
)
from namesrv.hot_path import Pause
from namesrv.routing.access.request import Request
from namesrv.routing.history.explain.causes import causes_in_steps, find_unknown
from namesrv.routing.history.explain.evidence import (
    MOST_GROUPS,
    Broker,
    Client,
    Evidence,
    Facts,
    Group,
    Names,
)
from namesrv.routing.requests.routes import get_routeinfo_by_topic
from namesrv.routing.tables.broker_data import BrokerData
from namesrv.routing.tables.busy_groups import Awaited
from namesrv.server.inside import Inside
from namesrv.server.life.lag import WINDOW_MILLIS
from namesrv.wire.answer_frames import NO_ROUTE_REMARK
from namesrv.wire.command import RemotingCommand
from namesrv.work import Cost, Steps, batches

_KNOWN_UNITS: Final = 5
_EVENT_UNITS: Final = 20
_ANSWER_BYTES_OF_A_UNIT: Final = 256
_Lookup = RemotingCommand | Steps[RemotingCommand] | RouteAnswer


def explain_topic(call: Call) -> Handled:
    """A topic; it waits for a registration of its groups, as its route does."""
    tables, topic = call.inside.state.tables, call.parameters.topic
    entry = tables.topic_queue_table.get(topic)
    if entry is not None and tables.busy.hides(entry.queues):
        tables.busy.put_back(call.connection, Awaited.ROUTE)
        return Pause.TURN
    lookup = _lookup(call, is_known=entry is not None)
    if lookup is None:
        return Pause.TURN
    return _explained_topic(call, lookup)


def _explained_topic(call: Call, lookup: _Lookup) -> Steps[HttpAnswer]:
    answer = yield from _answer(lookup)
    evidence = yield from _topic_evidence(call)
    explanation = TopicExplanation(
        topic=evidence.name,
        exists=evidence.exists,
        evidence=(yield from _record(call.inside, evidence, answer, call.now_ms)),
        causes=(yield from _causes(evidence)),
        unknown=find_unknown(evidence),
    )
    return (yield from _responded(call, explanation))


def _topic_evidence(call: Call) -> Steps[Evidence]:
    state, parameters = call.inside.state, call.parameters
    topic, wall_millis = parameters.topic, state.wall_millis()
    client = Client(parameters.version, parameters.zone, parameters.cluster)
    evidence = Evidence("topic", topic, client)
    evidence.server = present.server_of(state, "topic", topic, call.now_ms)
    evidence.server.stall_millis_ago = stall_millis_ago(
        call.inside, WINDOW_MILLIS, call.now_ms
    )
    entry = state.tables.topic_queue_table.get(topic)
    if entry is not None:
        yield len(entry.queues) * Cost.GROUP
        names = nsmallest(MOST_GROUPS, entry.queues)
        evidence.exists = True
        evidence.groups = yield from present.groups_of_topic(
            state, entry, names, call.now_ms
        )
        evidence.left_out = len(entry.queues) - len(evidence.groups)
    evidence.names = Names()
    if entry is None:
        evidence.names = yield from present.similar_topics(state, topic)
    held_by = {} if entry is None else entry.queues
    if state.options.history_bytes:
        evidence.past = yield from past.past_of_topic(
            state.history, topic, held_by, _live(evidence), wall_millis
        )
    evidence.refused = present.refused_of(state.refusals, wall_millis)
    return evidence


def explain_broker(call: Call) -> Handled:
    """A broker group, by its name or an address of it."""
    state, name = call.inside.state, call.parameters.name
    data = state.tables.broker_addr_table.get(name)
    if data is not None and state.tables.busy.hides((name,)):
        state.tables.busy.put_back(call.connection, Awaited.ROUTE)
        return Pause.TURN
    return _explained_broker(call, data)


def _explained_broker(call: Call, data: BrokerData | None) -> Steps[HttpAnswer]:
    state, name = call.inside.state, call.parameters.name
    if data is None:
        data = yield from present.group_of_address(state, name)
    evidence = Evidence("broker", name, Client(cluster=call.parameters.cluster))
    evidence.server = present.server_of(state, "broker", name, call.now_ms)
    if data is not None:
        evidence.exists = True
        evidence.groups = [(yield from present.group_alone(state, data, call.now_ms))]
    # An unknown name may be either.
    names = {name} if data is None or data.broker_name == name else set[str]()
    addresses = {name} if data is None or not names else set[str]()
    wall_millis = state.wall_millis()
    evidence.names = Names()
    if data is None:
        evidence.names = yield from present.similar_groups(state, name)
    if state.options.history_bytes:
        evidence.past = yield from past.past_of_broker(
            state.history, names, addresses, _live(evidence), wall_millis
        )
    evidence.refused = present.refused_of(state.refusals, wall_millis)
    explanation = BrokerExplanation(
        broker=name,
        group=None if data is None else data.broker_name,
        exists=evidence.exists,
        evidence=(yield from _record(call.inside, evidence, None, call.now_ms)),
        causes=(yield from _causes(evidence)),
        unknown=find_unknown(evidence),
    )
    return (yield from _responded(call, explanation))


def _lookup(call: Call, *, is_known: bool) -> _Lookup | None:
    """The lookup that the client would send, begun; None if it has to wait a turn."""
    state, parameters = call.inside.state, call.parameters
    version = parameters.version
    if state.draining and version > VERSION_V5_3_1:
        return RouteAnswer(ResponseCode.GO_AWAY, "please go away", None, 0)
    if state.options.cluster_test:
        return RouteAnswer(None, None, None, 0)
    if not state.is_ready(call.now_ms):
        return RouteAnswer(ResponseCode.SYSTEM_ERROR, "name server not ready", None, 0)
    if not is_known:
        remark = NO_ROUTE_REMARK.format(topic=parameters.topic)
        return RouteAnswer(ResponseCode.TOPIC_NOT_EXIST, remark, None, 0)
    ext_fields: dict[str, str | None] = {"topic": parameters.topic}
    if parameters.zone:
        ext_fields |= {ZONE_MODE: "true", ZONE_NAME: parameters.zone}
    command = RemotingCommand(
        RequestCode.GET_ROUTEINFO_BY_TOPIC, version=version, ext_fields=ext_fields
    )
    request = Request(command, call.connection, call.now_ms, is_http=True)
    handled = get_routeinfo_by_topic(state, request)
    return None if handled is None or handled == Pause.TURN else handled


def _answer(lookup: _Lookup) -> Steps[RouteAnswer]:
    if isinstance(lookup, RouteAnswer):
        return lookup
    answer = lookup
    if not isinstance(answer, RemotingCommand):
        answer = yield from answer
    body = answer.body or b""
    names = None
    if answer.code == ResponseCode.SUCCESS and len(body) <= MOST_READ_BACK_BYTES:
        route = yield from read_route("", body)
        names = [one.broker_name or "" for one in route.broker_datas]
    return RouteAnswer(answer.code, answer.remark, names, len(body))


def _live(evidence: Evidence) -> set[str]:
    """The addresses of the groups that are registered now."""
    brokers = (one for group in evidence.groups for one in group.brokers)
    return {broker.address for broker in brokers if broker.is_live}


def _causes(evidence: Evidence) -> Steps[list[ExplainedCause]]:
    causes = yield from causes_in_steps(evidence)
    return [ExplainedCause(*cause) for cause in causes]


def _responded(
    call: Call, explanation: TopicExplanation | BrokerExplanation
) -> Steps[HttpAnswer]:
    """The answer, encoded in a step of its own."""
    yield 0
    answer = respond(call.request, explanation)
    yield len(answer.body) // _ANSWER_BYTES_OF_A_UNIT
    return answer


def _record(
    inside: Inside,
    evidence: Evidence,
    answer: RouteAnswer | None,
    now_ms: int,
) -> Steps[EvidenceRecord]:
    state = inside.state
    # The time of the loop is a little behind that of the clock.
    wall_millis = state.wall_millis() - (inside.clock.monotonic_millis() - now_ms)
    known: list[KnownBroker] = []
    pairs = [(group, one) for group in evidence.groups for one in group.brokers]
    for some in batches(pairs, _KNOWN_UNITS):
        known += [_known(evidence, group, one, wall_millis) for group, one in some]
        yield len(some) * _KNOWN_UNITS
    gone: list[EventFacts] = []
    events = evidence.past.events if evidence.past is not None else []
    for facts in batches(events, _EVENT_UNITS):
        gone += map(_event, facts)
        yield len(facts) * _EVENT_UNITS
    is_topic = evidence.kind == "topic"
    asked = state.missing.find(evidence.name) if is_topic else None
    if asked is not None:
        yield from note_nearest(state, [asked], now_ms)
    return EvidenceRecord(
        brokers=known,
        gone=gone,
        answer=answer,
        asked=None if asked is None else missing_record(asked),
        groups_left_out=evidence.left_out,
    )


def _event(plain: Facts) -> EventFacts:
    facts = msgspec.convert(plain, EventFacts)
    put_into_words(facts, plain)
    return facts


def _known(
    evidence: Evidence, group: Group, broker: Broker, wall_millis: int
) -> KnownBroker:
    since = evidence.past.since if evidence.past is not None else {}
    dates = [
        since[key]
        for c in broker.clusters or ()
        if (key := (c, broker.address)) in since
    ]
    registered = max(dates, default=None)
    return KnownBroker(
        broker=group.name,
        cluster=group.cluster,
        address=broker.address,
        broker_id=broker.broker_id,
        perm=group.perm,
        read_queues=group.read_queues,
        write_queues=group.write_queues,
        zone=group.zone,
        is_live=bool(broker.is_live),
        is_confirmed=broker.is_confirmed,
        peer_host=broker.peer_host,
        since_millis=registered,
        is_of_last_run=registered is None and _knows_whole_run(evidence, broker),
        last_heard_millis=_last_heard(broker, registered, wall_millis),
        timeout_millis=broker.timeout_millis,
    )


def _knows_whole_run(evidence: Evidence, broker: Broker) -> bool:
    """Whether the events would have the registration of a broker in this run."""
    read = evidence.kind == "broker" or len(evidence.groups) <= past.MOST_GROUPS
    events = evidence.past
    return bool(broker.is_live and read and events is not None and events.is_whole)


def _last_heard(broker: Broker, registered: int | None, wall_millis: int) -> int | None:
    """The date of the last sign of life; a registration is one, too."""
    heard = broker.heard_millis_ago
    return None if heard is None else max(wall_millis - heard, registered or 0)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/topics/{topic}/explain",
        "Why a topic has this route, or none",
        explain_topic,
        parameters=ExplainTopicParameters,
        answer=TopicExplanation,
    ),
    Endpoint(
        "GET",
        "/v1/brokers/{name}/explain",
        "Why a broker group is as it is, or is not here",
        explain_broker,
        parameters=ExplainBrokerParameters,
        answer=BrokerExplanation,
    ),
)
