"""Parameters, bodies and answers of the requests of brokers."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from namesrv.codes import DEFAULT_HEARTBEAT_TIMEOUT_MILLIS, PERM_READ, PERM_WRITE
from namesrv.wire.bodies import Int64

SHORTEST_TIMEOUT_MILLIS: Final = 1_000
LONGEST_TIMEOUT_MILLIS: Final = 3_600_000
"""No connection shows the end of such a broker, so a longer timeout keeps dead ones."""
_MOST_QUEUES: Final = 2**31 - 1

Name = Annotated[str, Meta(min_length=1)]
BrokerAddr = Annotated[
    str,
    Meta(
        pattern=r"^[^\s\x00-\x1f\x7f]+:[0-9]{1,5}$(?!\n)",
        description="Address at which clients reach the broker, as host:port.",
        examples=["10.0.0.7:10911"],
        extra={"expected": "host:port, such as 10.0.0.7:10911"},
    ),
]
ReadQueues = Annotated[
    int, Meta(ge=0, le=_MOST_QUEUES, description="Number of queues to read from.")
]
WriteQueues = Annotated[
    int, Meta(ge=0, le=_MOST_QUEUES, description="Number of queues to write to.")
]


class BrokerPath(Struct, frozen=True):
    """A broker as a path names it."""

    cluster: Annotated[str, Meta(description="Name of its cluster.")]
    name: Annotated[str, Meta(description="Name of its group.")]
    id: Annotated[
        int,
        Meta(ge=0, le=2**63 - 1, description="Its id in the group, 0 for a master."),
    ]


class BrokerAtAddr(BrokerPath, frozen=True, kw_only=True):
    """A broker at one address."""

    broker_addr: BrokerAddr


class RegisteredBroker(BrokerAtAddr, frozen=True, kw_only=True):
    """One registration of a broker."""

    registration: Annotated[
        str,
        Meta(
            pattern="^[0-9a-f]+-[0-9]+$",
            description="The registration to be removed, as the last PUT answered it.",
            extra={"expected": "the registration that the last PUT answered"},
        ),
    ]


class Topic(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The queues of one topic on the broker."""

    topic: Annotated[str, Meta(min_length=1, description="Name of the topic.")]
    read_queue_nums: ReadQueues = 16
    write_queue_nums: WriteQueues = 16
    perm: Annotated[
        int,
        Meta(
            ge=0,
            le=15,
            description="Sum of 4 (read), 2 (write), 1 (inherit), 8 (rank).",
        ),
    ] = PERM_READ | PERM_WRITE
    topic_sys_flag: Annotated[
        int,
        Meta(
            ge=0,
            le=2**31 - 1,
            description="Sum of 1 (topic of a unit) and 2 (subscribed by units).",
        ),
    ] = 0


class Version(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Version of a broker's topics, compared for equality; of two brokers that claim
    one id, the one with the higher `state_version` has it."""

    counter: Annotated[
        Int64, Meta(description="Number of changes of the broker's topics.")
    ] = 0
    state_version: Annotated[
        Int64, Meta(description="Term of the master; the higher one has the id.")
    ] = 0
    timestamp_millis: Annotated[
        Int64, Meta(description="Milliseconds since 1970 at which it was made.")
    ] = 0


class BrokerRegistration(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole registration: the broker's addresses and all of its topics."""

    broker_addr: BrokerAddr
    topics: Annotated[
        list[Topic], Meta(description="All topics of the broker, each once.")
    ] = []
    ha_server_addr: (
        Annotated[str, Meta(description="Address at which slaves copy its data.")]
        | None
    ) = None
    data_version: Annotated[
        Version | None,
        Meta(
            description="The broker's own version of its topics. Known topics are taken"
            " again only if it differs from the last one. Without it the server makes"
            " one, which changes when the registration does."
        ),
    ] = None
    filter_servers: Annotated[
        list[str], Meta(description="Addresses of its filter servers.")
    ] = []
    enable_acting_master: Annotated[
        bool, Meta(description="A slave of the group may act as its master.")
    ] = False
    zone_name: Annotated[str, Meta(description="Zone of the group.")] | None = None
    heartbeat_timeout_millis: Annotated[
        int,
        Meta(
            ge=SHORTEST_TIMEOUT_MILLIS,
            le=LONGEST_TIMEOUT_MILLIS,
            description="Silence after which the broker is removed: four heartbeats.",
        ),
    ] = DEFAULT_HEARTBEAT_TIMEOUT_MILLIS


class Registered(Struct, frozen=True):
    """The answer to a registration."""

    registration: Annotated[
        str, Meta(description="Names this registration when it is to be removed.")
    ]
    data_version: Annotated[
        Version, Meta(description="Version of the broker's topics.")
    ]
    heartbeat_timeout_millis: Annotated[
        int, Meta(description="Silence after which the broker is removed.")
    ]
    master_addr: (
        Annotated[str, Meta(description="The master's address, for a slave.")] | None
    ) = None
    ha_server_addr: (
        Annotated[str, Meta(description="Where a slave copies its master's data.")]
        | None
    ) = None
    order_topic_conf: (
        Annotated[
            dict[str, str],
            Meta(
                description="Configuration of ordered topics; null if it is switched"
                " off, or longer than 1 MiB."
            ),
        ]
        | None
    ) = None
