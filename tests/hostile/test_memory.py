"""P7: memory stays below the formula of docs/architecture.md, "Memory"."""

from tests.hostile.conftest import Lay
from tests.hostile.siege import SLACK_MIB
from tests.hostile.test_bodies import register
from tests.hostile.test_crowds import descriptors, send_what_is_taken
from tests.server.peer import Broker, Peer, lookup

KIB, MIB = 1 << 10, 1 << 20
FRAME_MAX_BYTES = 4 * MIB
INPUT_BUDGET_BYTES = 16 * MIB
OUTPUT_BUDGET_BYTES = 8 * MIB
ANSWER_CACHE_BYTES = 2 * MIB
WORDS = (
    *("--frame-max-length", f"{FRAME_MAX_BYTES}"),
    *("--input-budget-bytes", f"{INPUT_BUDGET_BYTES}"),
    *("--output-budget-bytes", f"{OUTPUT_BUDGET_BYTES}"),
    *("--answer-cache-bytes", f"{ANSWER_CACHE_BYTES}"),
    *("--snapshot-interval-millis", "500"),
)
SHARED_TOPICS, SHARING_GROUPS = 2000, 100
OWN_TOPICS = 20_000
EMPTY_GROUPS = 3000
CONNECTIONS = 1000


def bound_mib(*, topics: int, routes: int, groups: int, connections: int) -> float:
    """The formula, for names of some 30 bytes."""
    tables = topics * (1000 + 2 * 30) + routes * 100 + groups * 4 * KIB
    peers = connections * (4 + 64) * KIB
    budgets = ANSWER_CACHE_BYTES + INPUT_BUDGET_BYTES + OUTPUT_BUDGET_BYTES
    at_hand = 30 * FRAME_MAX_BYTES
    return 40 + (tables + peers + budgets + at_hand) / MIB


def test_memory_stays_below_the_formula(lay_siege: Lay) -> None:
    siege = lay_siege(*WORDS, slack_mib=SLACK_MIB + 40)
    server, peer = siege.server, siege.peer()
    shared = [f"an-ordinary-topic-name-{n:06}" for n in range(SHARED_TOPICS)]
    for number in range(SHARING_GROUPS):
        register_some(peer, f"sharing-{number:03}", number, shared)
    for start in range(0, OWN_TOPICS, 5000):
        own = [f"a-topic-of-one-broker-{start + n:06}" for n in range(5000)]
        register_some(peer, f"owner-of-topics-{start}", start, own)
    for number in range(EMPTY_GROUPS):
        register_some(peer, f"broker-with-a-name-{number:05}", number, [])
    for topic in shared:
        for version in (300, 479):
            assert peer.ask(lookup(topic, version=version)).code == 0
    table = ",".join(f'"{n:x}":{{}}' for n in range(300_000))
    body = f'{{"topicConfigSerializeWrapper":{{"topicConfigTable":{{{table}}}}}}}'
    assert len(body) < FRAME_MAX_BYTES
    assert peer.ask(register(body.encode())).code == 1
    with descriptors(CONNECTIONS) as count:
        crowd = [siege.peer() for _ in range(min(count, CONNECTIONS))]
        half = (FRAME_MAX_BYTES - 4).to_bytes(4) + bytes(512 * KIB)
        for number, one in enumerate(crowd):
            if number % 2:
                send_what_is_taken(one, half)
            else:
                send_what_is_taken(one, lookup(shared[0]) * 300)
        siege.ask_witness()
        for what in ("unfinished frames", "unsent answers"):
            server.wait_for_log(f"{what} exceed the budget")
        bound = bound_mib(
            topics=SHARED_TOPICS + OWN_TOPICS,
            routes=SHARED_TOPICS * SHARING_GROUPS + OWN_TOPICS,
            groups=SHARING_GROUPS + EMPTY_GROUPS + 4,
            connections=len(crowd) + 2,
        )
        print(f"peak {server.peak_mib():.0f} MiB, the formula allows {bound:.0f}")
        assert server.peak_mib() < bound + SLACK_MIB
        for one in crowd:
            one.reset()


def register_some(peer: Peer, name: str, number: int, topics: list[str]) -> None:
    """A broker with these topics."""
    addr = f"10.{number // 250}.{number % 250}.1:10911"
    registration = Broker(addr, name).registration(dict.fromkeys(topics, 8))
    assert peer.ask(registration).code == 0
