"""`/v1/topics`: topics, their queues, and their problems."""

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from namesrv._impl import TopicQueues
from namesrv.admin.api.answers import respond
from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.api.pages import (
    Made,
    NamedPageParameters,
    Next,
    PageParameters,
    encoded,
    names_page,
    next_link,
)
from namesrv.admin.api.resources.clusters import no_cluster
from namesrv.admin.api.results import translation
from namesrv.admin.api.similar import similar_in
from namesrv.admin.api.states import tables_state
from namesrv.admin.http.messages import NO_CONTENT, Access, Asked, Handled, HttpAnswer
from namesrv.codes import PERM_READ, PERM_WRITE, RequestCode
from namesrv.errors import HttpRefused
from namesrv.hot_path import Pause
from namesrv.routing.state import RoutingState
from namesrv.routing.tables.busy_groups import Awaited
from namesrv.wire.bodies import QueueData
from namesrv.wire.command import RemotingCommand
from namesrv.work import Cost, Steps, batches

TopicProblem = Literal["no_master", "not_writable", "not_readable"]
Problems = Annotated[
    list[TopicProblem],
    Meta(
        description="`no_master`: a broker group of it has no master;"
        " `not_writable`: no group takes messages; `not_readable`: none gives any"
    ),
]


_FEW_GROUPS: Final = 16
"""A topic of more groups is counted in steps of its own."""
_TOPIC_UNITS: Final = 3
_QUEUES_UNITS: Final = 2


class TopicsParameters(NamedPageParameters, kw_only=True):
    """Which topics are wanted."""

    problem: Annotated[
        Literal["any"] | TopicProblem | UnsetType,
        Meta(description="only topics with this problem, or with `any`"),
    ] = UNSET
    contains: Annotated[
        str, Meta(description="only topics whose name has this, in any case of letters")
    ] = ""
    broker: Annotated[
        str | UnsetType,
        Meta(description="only topics with queues on this broker group"),
    ] = UNSET


class TopicSummary(Struct):
    """One topic of a list."""

    topic: Annotated[str, Meta(description="its name")]
    broker_groups: Annotated[int, Meta(description="broker groups that have queues")]
    read_queue_nums: Annotated[
        int, Meta(description="queues of all groups that may be read")
    ]
    write_queue_nums: Annotated[
        int, Meta(description="queues of all groups that take messages")
    ]
    problems: Problems
    link: Annotated[str, Meta(description="the topic, relative to this page")]


class Topics(Struct):
    """A page of topics, by name."""

    items: Annotated[list[TopicSummary], Meta(description="the topics")]
    total: Annotated[int, Meta(description="topics of the server, without any filter")]
    next: Next = UNSET


class TopicParameters(PageParameters, kw_only=True):
    """One topic, and which of its broker groups."""

    topic: Annotated[str, Meta(description="name of the topic")]


class GroupQueues(Struct):
    """The queues of a topic on one broker group."""

    broker_name: Annotated[str, Meta(description="the group")]
    perm: Annotated[int, Meta(description="permission: 4 read, 2 write, 1 inherit")]
    read_queue_nums: Annotated[int, Meta(description="queues to read from")]
    write_queue_nums: Annotated[int, Meta(description="queues to write to")]
    topic_sys_flag: Annotated[int, Meta(description="1: unit, 2: unit subscription")]
    has_master: Annotated[bool, Meta(description="whether the group has a master")]


class TopicDetail(Struct):
    """One topic."""

    topic: Annotated[str, Meta(description="its name")]
    broker_groups: Annotated[int, Meta(description="broker groups that have queues")]
    read_queue_nums: Annotated[
        int, Meta(description="queues of all groups that may be read")
    ]
    write_queue_nums: Annotated[
        int, Meta(description="queues of all groups that take messages")
    ]
    problems: Problems
    queues: Annotated[
        list[GroupQueues], Meta(description="a page of its groups, by name")
    ]
    next: Next = UNSET


class DeleteParameters(Struct, forbid_unknown_fields=True, kw_only=True):
    """One topic, and where it is deleted."""

    topic: Annotated[str, Meta(description="name of the topic")]
    cluster: Annotated[
        str, Meta(description="delete it from the brokers of this cluster only")
    ] = ""


def get_topics(call: Call) -> Steps[HttpAnswer]:
    """A page of topics."""
    state, parameters = call.inside.state, call.parameters
    if not state.options.enable_all_topic_list:
        raise HttpRefused(
            403, "the list of topics is switched off (enableAllTopicList=false)"
        )
    texts = yield from state.topic_lists.names()

    table = state.tables.topic_queue_table
    contained, broker = parameters.contains.lower(), parameters.broker

    def make(topic: str) -> Made:
        entry = table.get(topic)
        if entry is None or contained not in topic.lower():
            return None
        if broker is not UNSET and broker not in entry.queues:
            return None
        if len(entry.queues) > _FEW_GROUPS:
            return _large_summary(state, entry, parameters.problem)
        counted = Counted()
        counted.add(state, entry.queues.items())
        return _summary(entry, counted, parameters.problem)

    found = yield from names_page(texts, parameters, make, _TOPIC_UNITS)
    total = len(state.tables.topic_queue_table)
    page = Topics(found.items, total, next_link(parameters, found.after))
    return respond(call.request, page)


def _large_summary(
    state: RoutingState, entry: TopicQueues, wanted: Any
) -> Steps[TopicSummary | None]:
    counted = yield from _counted(state, entry)
    return _summary(entry, counted, wanted)


def _summary(
    entry: TopicQueues, counted: "Counted", wanted: Any
) -> TopicSummary | None:
    """The item of a topic, None if it has not the problem that is wanted."""
    problems = counted.problems()
    if wanted is not UNSET and wanted not in problems:
        if wanted != "any" or not problems:
            return None
    return TopicSummary(
        topic=entry.topic,
        broker_groups=len(entry.queues),
        read_queue_nums=counted.read,
        write_queue_nums=counted.write,
        problems=problems,
        link=f"topics/{encoded(entry.topic)}",
    )


class Counted:
    """Queues of a topic that may be read and written, and its groups without a
    master."""

    __slots__ = ("lacking", "read", "write")

    def __init__(self) -> None:
        self.read = self.write = self.lacking = 0

    def add(self, state: RoutingState, queues: Iterable[tuple[str, QueueData]]) -> None:
        """Count some groups, too."""
        for name, queue_data in queues:
            perm = queue_data.perm
            if perm & PERM_READ:
                self.read += queue_data.read_queue_nums
            if not has_master(state, name):
                self.lacking += 1
            elif perm & PERM_WRITE:
                self.write += queue_data.write_queue_nums

    def problems(self) -> list[TopicProblem]:
        """The problems that follow from the numbers."""
        problems: list[TopicProblem] = []
        if self.lacking:
            problems.append("no_master")
        if self.write <= 0:
            problems.append("not_writable")
        if self.read <= 0:
            problems.append("not_readable")
        return problems


def _counted(state: RoutingState, entry: TopicQueues) -> Steps[Counted]:
    """The numbers of a topic of any number of groups."""
    counted = Counted()
    for some in batches(list(entry.queues.items()), Cost.GROUP):
        counted.add(state, some)
        yield len(some) * Cost.GROUP
    return counted


def has_master(state: RoutingState, broker_name: str) -> bool:
    """Whether a broker group has a master."""
    data = state.tables.broker_addr_table.get(broker_name)
    return data is not None and data.has_master


def get_topic(call: Call) -> Handled:
    """One topic; it waits for a registration of its groups, as its route does."""
    tables, topic = call.inside.state.tables, call.parameters.topic
    entry = tables.topic_queue_table.get(topic)
    if entry is None:
        return no_topic(call.inside.state, topic)
    if tables.busy.hides(entry.queues):
        tables.busy.put_back(call.connection, Awaited.ROUTE)
        return Pause.TURN
    return _topic(call, entry)


def no_topic(state: RoutingState, topic: str) -> Steps[HttpAnswer]:
    """Raise HttpRefused (404) for an unknown topic, with similar ones if the list of
    topics may be seen."""
    near: list[str] = []
    if state.options.enable_all_topic_list:
        texts = yield from state.topic_lists.names()
        near = yield from similar_in(topic, texts, state.tables.topic_queue_table)
    shown = f"{topic[:100]!r}{'...' if len(topic) > 100 else ''}"
    raise HttpRefused(404, f"there is no topic {shown}", similar=near)


def _topic(call: Call, entry: TopicQueues) -> Steps[HttpAnswer]:
    state, parameters = call.inside.state, call.parameters
    counted = yield from _counted(state, entry)
    names = sorted(entry.queues)
    yield len(names) * Cost.TOPIC
    after, limit = parameters.after, parameters.limit
    rest = [name for name in names if after is UNSET or name > after]
    some = rest[:limit]
    yield len(some) * _QUEUES_UNITS
    detail = TopicDetail(
        topic=entry.topic,
        broker_groups=len(names),
        read_queue_nums=counted.read,
        write_queue_nums=counted.write,
        problems=counted.problems(),
        queues=[
            _group_queues(state, name, entry.queues[name])
            for name in some
            if name in entry.queues
        ],
        next=next_link(parameters, some[-1] if len(rest) > limit else UNSET),
    )
    return respond(call.request, detail)


def _group_queues(state: RoutingState, name: str, data: QueueData) -> GroupQueues:
    return GroupQueues(
        broker_name=name,
        perm=data.perm,
        read_queue_nums=data.read_queue_nums,
        write_queue_nums=data.write_queue_nums,
        topic_sys_flag=data.topic_sys_flag,
        has_master=has_master(state, name),
    )


def delete_topic(call: Call) -> Handled:
    """Delete a topic from all brokers, or from those of one cluster, as 216 does."""
    topic, cluster = call.parameters.topic, call.parameters.cluster
    state = call.inside.state
    if topic not in state.tables.topic_queue_table:
        return no_topic(state, topic)
    ext_fields: dict[str, str | None] = {"topic": topic}
    if cluster:
        if cluster not in state.tables.cluster_addr_table:
            return no_cluster(state.tables, cluster)
        ext_fields["clusterName"] = cluster
    command = RemotingCommand(
        RequestCode.DELETE_TOPIC_IN_NAMESRV, ext_fields=ext_fields
    )
    return Asked(command, translation(lambda _: NO_CONTENT))


_TOPIC: Final = "/v1/topics/{topic}"
ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/topics",
        "Topics by name",
        get_topics,
        parameters=TopicsParameters,
        answer=Topics,
        depends=tables_state,
    ),
    Endpoint(
        "GET",
        _TOPIC,
        "One topic and its queues",
        get_topic,
        parameters=TopicParameters,
        answer=TopicDetail,
        errors=(404,),
        depends=tables_state,
    ),
    Endpoint(
        "DELETE",
        _TOPIC,
        "Delete a topic",
        delete_topic,
        access=Access.WRITE,
        parameters=DeleteParameters,
        status=204,
        errors=(404, 503),
    ),
)
