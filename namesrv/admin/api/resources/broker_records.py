"""Records of `/v1/brokers`: parameters, broker groups and their brokers."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from namesrv.admin.api.endpoint import MOST_ITEMS
from namesrv.admin.api.pages import NamedPageParameters, Next

GroupProblem = Literal["no_master", "not_live", "silent", "unconfirmed", "read_only"]
Problems = Annotated[
    list[GroupProblem],
    Meta(
        description="`no_master`: no broker has id 0; `not_live`: an address is not"
        " registered any more; `silent`: a broker was not heard from for half of its"
        " timeout; `unconfirmed`: a broker was not heard from since the start;"
        " `read_only`: it has topics and none of them takes messages"
    ),
]


class BrokersParameters(NamedPageParameters, kw_only=True):
    """Which broker groups are wanted."""

    cluster: Annotated[
        str | UnsetType, Meta(description="only groups of this cluster")
    ] = UNSET
    problem: Annotated[
        Literal["any"] | GroupProblem | UnsetType,
        Meta(description="only groups with this problem, or with `any`"),
    ] = UNSET


class GroupSummary(Struct):
    """One broker group of a list."""

    broker_name: Annotated[str, Meta(description="its name")]
    cluster: Annotated[str, Meta(description="the cluster that its routes show")]
    brokers: Annotated[int, Meta(description="its brokers, by id")]
    live_brokers: Annotated[int, Meta(description="live registrations of them")]
    topics: Annotated[int, Meta(description="topics that have queues on it")]
    master_addr: Annotated[
        str | None, Meta(description="host:port of the broker with id 0, or null")
    ]
    last_heard_millis_ago: Annotated[
        int | None,
        Meta(
            description="time since the last sign of life of the broker that has used"
            " up most of its timeout; null: none was heard from"
        ),
    ]
    heartbeat_timeout_millis: Annotated[
        int | None, Meta(description="the timeout of that broker")
    ]
    problems: Problems
    link: Annotated[str, Meta(description="the group, relative to this page")]


class Brokers(Struct):
    """A page of broker groups, by name."""

    items: Annotated[list[GroupSummary], Meta(description="the groups")]
    total: Annotated[int, Meta(description="groups of the server, without any filter")]
    next: Next = UNSET


class GroupParameters(Struct, forbid_unknown_fields=True, kw_only=True):
    """One broker group, and which of its brokers."""

    name: Annotated[str, Meta(description="name of the group")]
    limit: Annotated[
        int, Meta(ge=1, le=MOST_ITEMS, description="most brokers of the page")
    ] = 100
    after: Annotated[
        int | UnsetType, Meta(description="cursor: begin after this broker id")
    ] = UNSET


class NameParameter(Struct, forbid_unknown_fields=True, kw_only=True):
    """One broker group."""

    name: Annotated[str, Meta(description="name of the group")]


class TableVersion(Struct):
    """DataVersion of a broker's topic table."""

    counter: Annotated[int, Meta(description="changes of the table")]
    state_version: Annotated[int, Meta(description="term of the master")]
    timestamp_millis: Annotated[
        int | None, Meta(description="date of the last change, since 1970")
    ]


class LiveBroker(Struct):
    """The live registration of a broker."""

    cluster: Annotated[str, Meta(description="the cluster that it registered in")]
    epoch: Annotated[
        int, Meta(description="number of the registration in this process")
    ]
    is_confirmed: Annotated[
        bool, Meta(description="whether it was heard from since the start")
    ]
    heartbeat_timeout_millis: Annotated[
        int, Meta(description="silence after which it is removed")
    ]
    data_version: Annotated[
        TableVersion | None, Meta(description="version of its topic table")
    ]
    ha_server_addr: Annotated[
        str | None, Meta(description="host:port that its slaves copy from")
    ]
    remote_address: Annotated[
        str | None,
        Meta(description="peer of the connection that carries it, null for none"),
    ]
    last_heard_millis_ago: Annotated[
        int | UnsetType,
        Meta(description="time since its last sign of life; none: unconfirmed"),
    ] = UNSET


class Member(Struct):
    """One broker of a group."""

    broker_id: Annotated[int, Meta(description="0 is the master")]
    broker_addr: Annotated[str | None, Meta(description="host:port")]
    live: Annotated[
        list[LiveBroker],
        Meta(description="live registrations of the address, one for each cluster"),
    ]


class Group(Struct):
    """One broker group."""

    broker_name: Annotated[str, Meta(description="its name")]
    cluster: Annotated[str, Meta(description="the cluster that its routes show")]
    zone_name: Annotated[str | None, Meta(description="its zone")]
    enable_acting_master: Annotated[
        bool, Meta(description="whether a slave may stand for a missing master")
    ]
    topics: Annotated[int, Meta(description="topics that have queues on it")]
    problems: Problems
    brokers: Annotated[list[Member], Meta(description="a page of brokers, by id")]
    next: Next = UNSET


class PermissionChange(Struct):
    """A changed write permission."""

    topics: Annotated[int, Meta(description="topics of the group")]
