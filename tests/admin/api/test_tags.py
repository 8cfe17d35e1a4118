"""One ETag is one state: whatever happens, no two answers with one tag differ."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from namesrv import work
from namesrv.routing.turns import turn
from namesrv.testing.peer import (
    Broker,
    data_version,
    mapping_info,
    registration,
    registration_body,
    request,
    topic_config,
)
from tests.admin.api.asking import Answer, Api
from tests.routing.world import RELOAD

TARGETS = (
    "/v1/topics",
    "/v1/topics/A",
    "/v1/topics/B",
    "/v1/topics/A/route",
    "/v1/topics/B/route?version=300&zone=z",
    "/v1/clusters",
    "/v1/digest",
    "/v1/kv",
    "/v1/kv/n",
    "/v1/config",
)
BROKERS = st.builds(
    Broker,
    st.sampled_from(["a", "b"]),
    st.integers(0, 1),
    st.sampled_from(["10.0.0.1:1", "10.0.0.2:1"]),
    st.sampled_from(["c1", "c2"]),
)
TOPICS = st.dictionaries(st.sampled_from("ABC"), st.sampled_from([0, 2, 4, 6]))


class Tagged(RuleBasedStateMachine):
    """A server on which anything happens, also in the middle of work in steps."""

    def __init__(self) -> None:
        super().__init__()
        # Each topic of a group goes in a step, and each step in a turn, of its own.
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(work, "STEP_UNITS", 1)
        self.patch.setattr(turn, "TURN_UNITS", 1)
        self.api = Api(order_message_enable=True)
        self.world = self.api.world
        self.counter = 0
        self.seen: dict[tuple[str, str], bytes] = {}

    @rule(
        broker=BROKERS,
        topics=TOPICS,
        zone=st.sampled_from([None, "z"]),
        acting=st.sampled_from(["true", "false"]),
        mapped=st.booleans(),
        filters=st.sampled_from([[], ["f:1"]]),
    )
    def register(
        self,
        broker: Broker,
        topics: dict[str, int],
        zone: str | None,
        acting: str,
        mapped: bool,
        filters: list[str],
    ) -> None:
        self.counter += 1
        table = {name: topic_config(name, 4, perm) for name, perm in topics.items()}
        mappings = {"A": mapping_info("A", broker.name, self.counter % 3)}
        body = registration_body(
            table,
            version=data_version(self.counter),
            mappings=mappings if mapped else None,
            filters=filters,
        )
        ext = {"__ZONE_NAME": zone, "enableActingMaster": acting}
        self.send(registration(broker, body, ext=ext))

    @rule(broker=BROKERS)
    def unregister(self, broker: Broker) -> None:
        self.ask(104, broker.ext_fields)

    @rule(code=st.sampled_from([205, 327]), name=st.sampled_from("ab"))
    def change_perm(self, code: int, name: str) -> None:
        self.ask(code, {"brokerName": name})

    @rule(topic=st.sampled_from("ABC"))
    def delete_topic(self, topic: str) -> None:
        self.ask(216, {"topic": topic})

    @rule(
        namespace=st.sampled_from(["n", "ORDER_TOPIC_CONFIG"]),
        key=st.sampled_from("AB"),
        value=st.sampled_from(["", "a:1"]),
    )
    def put(self, namespace: str, key: str, value: str) -> None:
        self.ask(100, {"namespace": namespace, "key": key, "value": value})

    @rule(key=st.sampled_from("AB"))
    def delete_key(self, key: str) -> None:
        self.ask(102, {"namespace": "n", "key": key})

    @rule(
        name=st.sampled_from(
            ["supportActingMaster", "orderMessageEnable", "enableAllTopicList"]
        ),
        value=st.booleans(),
    )
    def reload(self, name: str, value: bool) -> None:
        self.world.state.configuration.apply({name: value}, RELOAD)

    @rule(millis=st.sampled_from([1, 5000, 130_000]))
    def pass_time(self, millis: int) -> None:
        self.world.run(millis)

    @rule()
    def drain(self) -> None:
        self.world.state.drain(self.world.now_ms)

    def ask(self, code: int, fields: Any) -> None:
        self.send(request(code, fields))

    def send(self, frame: bytes) -> None:
        """Send a request; answers are compared before and after each of its steps."""
        world = self.world
        world.holds_work = True
        connection = world.connect()
        world.send(frame, connection)
        while world.state.unfinished:
            self.compare()
            world.next_step()
        world.holds_work = False
        world.flush()

    def teardown(self) -> None:
        self.patch.undo()

    @invariant()
    def compare(self) -> None:
        for target in TARGETS:
            answer = self.answer(target)
            tag = answer.headers.get("ETag") if answer is not None else None
            if answer is not None and tag is not None:
                kept = self.seen.setdefault((target, tag), answer.body)
                assert kept == answer.body, (target, tag)

    def answer(self, target: str) -> Answer | None:
        return one_try(self.api, lambda: self.api.ask(target))


def one_try(api: Api, ask: Callable[[], Answer]) -> Answer | None:
    """An answer, None for one that has to wait for the work under way."""
    step = api.world.next_step

    def give_up() -> None:
        raise TimeoutError

    api.world.next_step = give_up  # type: ignore[method-assign]
    try:
        return ask()
    except TimeoutError:
        return None
    finally:
        api.world.next_step = step  # type: ignore[method-assign]


TestTagged = Tagged.TestCase
TestTagged.settings = settings(stateful_step_count=15)
