"""Records of `/v1/topics/{topic}/explain` and `/v1/brokers/{name}/explain`."""

from typing import Annotated

from msgspec import Meta, Struct

from namesrv.admin.api.resources.missing import Missing
from namesrv.admin.api.resources.route_records import ClientVersion, ClientZone
from namesrv.admin.history.facts import EventFacts
from namesrv.codes import VERSION_V5_3_3
from namesrv.routing.history.explain.rule import Confidence

Cluster = Annotated[
    str, Meta(description="cluster in which it is expected; empty: any")
]


class ExplainTopicParameters(Struct, forbid_unknown_fields=True, kw_only=True):
    """A topic, and the client that asks for it."""

    topic: Annotated[str, Meta(description="name of the topic, which need not exist")]
    version: ClientVersion = VERSION_V5_3_3
    zone: ClientZone = ""
    cluster: Cluster = ""


class ExplainBrokerParameters(Struct, forbid_unknown_fields=True, kw_only=True):
    """A broker group, by its name or by the address of a broker."""

    name: Annotated[
        str, Meta(description="name of the group or host:port; it need not exist")
    ]
    cluster: Cluster = ""


class KnownBroker(Struct):
    """One broker of a group that has it."""

    broker: Annotated[str, Meta(description="name of the group")]
    cluster: Annotated[str, Meta(description="the cluster that its routes show")]
    address: Annotated[str, Meta(description="host:port that it announces")]
    broker_id: Annotated[int, Meta(description="its id; 0 is the master")]
    perm: Annotated[
        int | None,
        Meta(description="permission of the topic: 4 read, 2 write; null for a broker"),
    ]
    read_queues: Annotated[int | None, Meta(description="queues to read from")]
    write_queues: Annotated[int | None, Meta(description="queues to write to")]
    zone: Annotated[str | None, Meta(description="zone of the group")]
    is_live: Annotated[bool, Meta(description="whether it is registered now")]
    is_confirmed: Annotated[
        bool | None,
        Meta(description="false: taken over from the last run and not heard from"),
    ]
    peer_host: Annotated[
        str | None, Meta(description="host that it connects from, null over HTTP")
    ]
    since_millis: Annotated[
        int | None,
        Meta(description="date at which it registered, null if no event has it"),
    ]
    is_of_last_run: Annotated[
        bool,
        Meta(description="registered before this run, and taken over at its start"),
    ]
    last_heard_millis: Annotated[
        int | None, Meta(description="date of its last sign of life")
    ]
    timeout_millis: Annotated[
        int | None, Meta(description="silence after which it is removed")
    ]


class RouteAnswer(Struct):
    """The answer that the client gets to a lookup (105)."""

    code: Annotated[
        int | None, Meta(description="0: a route; 17: no topic; null: not known")
    ]
    remark: Annotated[str | None, Meta(description="its remark")]
    broker_groups: Annotated[
        list[str] | None,
        Meta(description="groups of the route; null without one, or for a large one"),
    ]
    bytes: Annotated[int, Meta(description="bytes of its body")]


class ExplainedCause(Struct):
    """One likely cause."""

    id: Annotated[str, Meta(description="its name in docs/explain.md")]
    sentence: Annotated[str, Meta(description="the cause, for people")]
    confidence: Annotated[
        Confidence, Meta(description="how far the evidence supports it")
    ]
    next: Annotated[str, Meta(description="the next command to run; empty for none")]


class EvidenceRecord(Struct):
    """The facts that the causes were found from."""

    brokers: Annotated[
        list[KnownBroker],
        Meta(description="brokers that have it, at most 64 groups"),
    ]
    gone: Annotated[
        list[EventFacts], Meta(description="the last events about it, newest first")
    ]
    answer: Annotated[
        RouteAnswer | None,
        Meta(description="the answer to a lookup; null for a broker"),
    ]
    asked: Annotated[
        Missing | None,
        Meta(description="clients that asked for it in vain lately, null for none"),
    ]
    groups_left_out: Annotated[int, Meta(description="groups that were not examined")]


class TopicExplanation(Struct):
    """Why a topic has the route that it has, or none."""

    topic: Annotated[str, Meta(description="the topic")]
    exists: Annotated[bool, Meta(description="whether it has a route here")]
    evidence: Annotated[
        EvidenceRecord, Meta(description="the facts that the causes were found from")
    ]
    causes: Annotated[
        list[ExplainedCause], Meta(description="the likely causes, surest first")
    ]
    unknown: Annotated[list[str], Meta(description="things that were not known")]


class BrokerExplanation(Struct):
    """Why a broker group is as it is, or is not here."""

    broker: Annotated[str, Meta(description="the name or address that was given")]
    group: Annotated[str | None, Meta(description="the group, null if it is unknown")]
    exists: Annotated[bool, Meta(description="whether it is registered here")]
    evidence: Annotated[
        EvidenceRecord, Meta(description="the facts that the causes were found from")
    ]
    causes: Annotated[
        list[ExplainedCause], Meta(description="the likely causes, surest first")
    ]
    unknown: Annotated[list[str], Meta(description="things that were not known")]
