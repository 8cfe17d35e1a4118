"""What is asked of the servers, and how long and how often."""

from dataclasses import dataclass
from enum import Enum

from bench.driver.tables import Table


class Kind(Enum):
    """What the requests of a load are."""

    LOOKUP = "lookups"
    MIXED = "lookups with 5% heartbeats"
    UNKNOWN = "lookups of unknown topics"
    HEARTBEAT = "heartbeats (904)"
    REGISTER = "unchanged registrations"


HEARTBEAT_PERCENT = 5
MOST_LOOKED_UP = 2000
"""Different topics that one load asks for."""
HOT_TOPICS = 500
"""Few enough that all answers of the large table fit into every cache."""


@dataclass(frozen=True)
class Load:
    """One load; `is_main` is one that a budget is about, with more and longer rounds.

    `topics` bounds how many different topics are asked for. `beside` names a load that
    our compiled server runs right before and after each round of this one, because a
    budget compares the two and the machine is not the same some minutes later.
    """

    name: str
    kind: Kind
    table: Table
    connections: int
    pipeline: int
    is_main: bool = False
    topics: int = MOST_LOOKED_UP
    beside: "Load | None" = None

    @property
    def title(self) -> str:
        """For people."""
        size = f"{self.connections} x {self.pipeline}"
        return f"{self.kind.value}, {size}, {describe(self.table)}"


@dataclass(frozen=True)
class Plan:
    """How much is measured: the full run, or a quick one that tries the scripts."""

    quick: bool
    main_rounds: int
    rounds: int
    main_seconds: float
    seconds: float
    warmup_seconds: float
    jvm_warmup_seconds: float
    starts: int
    memory_topics: int
    idle_connections: int
    large_topics: int
    large_brokers: int
    storm_topics: int
    storm_brokers: int
    storms: int
    storm_rounds: int
    storm_period_millis: int


FULL = Plan(
    quick=False,
    main_rounds=7,
    rounds=3,
    main_seconds=2.0,
    seconds=1.2,
    warmup_seconds=0.3,
    jvm_warmup_seconds=16.0,
    starts=4,
    memory_topics=10_000,
    idle_connections=10_000,
    large_topics=20_000,
    large_brokers=300,
    storm_topics=10_000,
    storm_brokers=300,
    storms=3,
    storm_rounds=3,
    storm_period_millis=3000,
)
QUICK = Plan(
    quick=True,
    main_rounds=1,
    rounds=1,
    main_seconds=0.4,
    seconds=0.3,
    warmup_seconds=0.1,
    jvm_warmup_seconds=2.0,
    starts=1,
    memory_topics=300,
    idle_connections=300,
    large_topics=300,
    large_brokers=30,
    storm_topics=1000,
    storm_brokers=30,
    storms=1,
    storm_rounds=1,
    storm_period_millis=1000,
)

# 621 bytes an answer: four brokers with 1,000 topics each, each topic on two of them.
BUDGET_TABLE = Table("plain", topics=2000, brokers=4, copies=2)
OWN_TABLE = Table("own", topics=2000, brokers=4, copies=2, alike=False)
SMALL_TABLE = Table("small", topics=100, brokers=10, copies=10)
REGISTER_TABLE = Table("again", topics=1000, brokers=4, copies=4)
LONG_REGISTER_TABLE = Table("heavy", topics=10_000, brokers=1, copies=1)


def large_table(plan: Plan) -> Table:
    """Every topic on every broker."""
    return Table("large", plan.large_topics, plan.large_brokers, plan.large_brokers)


def describe(table: Table) -> str:
    """Its size, for people."""
    if table.copies == table.brokers:
        return f"{table.topics:,} topics on {table.brokers} brokers"
    per_broker = table.topics * table.copies // table.brokers
    alike = "" if table.alike else ", no two routes equal"
    return f"{table.brokers} brokers with {per_broker:,} topics each{alike}"


def loads() -> list[Load]:
    """The loads on the small tables."""
    table, kind = BUDGET_TABLE, Kind
    one = Load("lookup-50x1", kind.LOOKUP, table, 50, 1, is_main=True)
    many = Load("lookup-50x16", kind.LOOKUP, table, 50, 16, is_main=True)
    found = [
        one,
        many,
        Load("lookup-1x64", kind.LOOKUP, table, 1, 64),
        Load("lookup-500x1", kind.LOOKUP, table, 500, 1),
        Load("mixed-50x1", kind.MIXED, table, 50, 1),
        Load("mixed-50x16", kind.MIXED, table, 50, 16),
        Load("unknown-50x1", kind.UNKNOWN, table, 50, 1, beside=one),
        Load("unknown-50x16", kind.UNKNOWN, table, 50, 16, beside=many),
        Load("heartbeat-50x1", kind.HEARTBEAT, table, 50, 1, beside=one),
        Load("heartbeat-50x16", kind.HEARTBEAT, table, 50, 16, beside=many),
        Load("own-50x1", kind.LOOKUP, OWN_TABLE, 50, 1),
        Load("own-50x16", kind.LOOKUP, OWN_TABLE, 50, 16),
        Load("small-50x1", kind.LOOKUP, SMALL_TABLE, 50, 1),
        Load("small-50x16", kind.LOOKUP, SMALL_TABLE, 50, 16),
        Load("register-1000", kind.REGISTER, REGISTER_TABLE, 4, 1),
        Load("register-10000", kind.REGISTER, LONG_REGISTER_TABLE, 1, 1),
    ]
    return found


def large_loads(plan: Plan) -> list[Load]:
    """The loads on the large table."""
    table = large_table(plan)
    return [
        Load("large-50x1", Kind.LOOKUP, table, 50, 1, topics=HOT_TOPICS),
        Load("large-50x16", Kind.LOOKUP, table, 50, 16, topics=HOT_TOPICS),
        Load("large-cold-50x1", Kind.LOOKUP, table, 50, 1),
    ]
