"""The other NameServers as this one last saw them: plain data for readers.

Nodes never copy from each other. A companion of the server asks the peers of the option
`peers` now and then, compares their tables with ours, and alone writes here; pages,
metrics, probes and explanations read.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from msgspec import Struct

MOST_DIFFERENCES: Final = 200
"""Differences of one peer that are kept; the others are counted."""
LONGEST_TEXT: Final = 500
"""Characters of a kept name or sentence; a longer one is cut."""
MOST_NAMES: Final = 2000
"""Topics that only the peer has, kept by name."""


class PeerState(StrEnum):
    """The result of the last question to a peer."""

    NEW = "new"
    """It was not asked yet."""
    AGREES = "agrees"
    SETTLING = "settling"
    """It differs, not for long: a registration reaches one server first."""
    DISAGREES = "disagrees"
    """A difference has lasted for longer than two heartbeats of brokers."""
    DOWN = "down"
    """It cannot be reached, or does not answer."""
    WRONG = "wrong"
    """It answers with something that no NameServer sends."""
    ITSELF = "itself"
    """The address is this server's own."""


class PeerKind(StrEnum):
    """The program at the address, as far as it is known."""

    UNKNOWN = "unknown"
    NAMESRV = "namesrv"
    """It has a digest at /v1/digest."""
    ROCKETMQ = "rocketmq"
    """It speaks RocketMQ's remoting protocol only."""


class KeptDifference(NamedTuple):
    """One difference. `subject` is "broker", "topic" or "table", `name` the broker's or
    the topic's; `since_millis` is the date at which it was first seen."""

    subject: str
    name: str
    is_missing_here: bool
    sentence: str
    since_millis: int


class PeerView(Struct):
    """One peer. Dates are in milliseconds; `reason` is a sentence for the states down,
    wrong and itself; `brokers` counts the addresses of brokers that it has, None while
    that is not known; `topics_there` are topics that this server does not have."""

    address: str
    kind: PeerKind = PeerKind.UNKNOWN
    state: PeerState = PeerState.NEW
    since_millis: int = 0
    asked_millis: int | None = None
    reason: str | None = None
    digest: str | None = None
    brokers: int | None = None
    differences: tuple[KeptDifference, ...] = ()
    differences_left_out: int = 0
    topics_there: frozenset[str] = frozenset()

    @property
    def difference_count(self) -> int:
        """All of its differences."""
        return len(self.differences) + self.differences_left_out


class PeerViews:
    """All peers in the order of the option. `digest` is that of this server when it was
    compared last; `orphan` is a sentence while clients ask here and brokers register at
    the peers only. `mark` is a random name of this process."""

    def __init__(self) -> None:
        self.mark: str | None = None
        self.views: tuple[PeerView, ...] = ()
        self.digest: str | None = None
        self.orphan: str | None = None

    def with_topic(self, topic: str) -> Iterator[PeerView]:
        """The peers that have a topic which this server does not have."""
        return (view for view in self.views if topic in view.topics_there)

    def with_broker(self, broker: str) -> Iterator[PeerView]:
        """The peers that have a broker group which this server does not have."""
        for view in self.views:
            for one in view.differences:
                is_group = one.subject == "broker" and one.is_missing_here
                if is_group and one.name == broker:
                    yield view
                    break
