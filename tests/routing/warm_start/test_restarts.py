"""A restart does not show: any history, then a stop, then the same answers."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from namesrv.testing.peer import mapping_info, registration_body
from tests.hot_path.histories import Spec, some_changes, some_specs
from tests.routing.restart import answers, facts, restarted
from tests.routing.snapshot import reverse_index, scanned_index
from tests.routing.world import World


class Restarts(RuleBasedStateMachine):
    """Any history, and restarts that must not show."""

    @initialize(acting=st.booleans(), order=st.booleans())
    def begin(self, acting: bool, order: bool) -> None:
        self.world = World(
            support_acting_master=acting,
            order_message_enable=order,
            need_wait_for_service=False,
        )

    @rule(spec=some_specs)
    def register(self, spec: Spec) -> None:
        self.world.send(spec.frame(0, 1))

    @rule(change=some_changes())
    def change(self, change: bytes) -> None:
        self.world.send(change)

    @rule()
    def a_connection_ends(self) -> None:
        self.world.close()
        self.world.connection = self.world.connect()

    @rule(millis=st.sampled_from([100, 5_000, 130_000]))
    def time_passes(self, millis: int) -> None:
        self.world.run(millis)

    @rule()
    def restart(self) -> None:
        before, after = answers(self.world), facts(self.world)
        self.world = restarted(self.world)
        assert answers(self.world) == before
        assert facts(self.world) == after

    @invariant()
    def the_index_is_right(self) -> None:
        if hasattr(self, "world"):
            assert reverse_index(self.world) == scanned_index(self.world)
            entries = self.world.live.entries()
            assert {
                (key, name)
                for name, data in self.world.tables.broker_addr_table.items()
                for key in data.live_keys
            } <= {(info.key, info.broker_name) for info in entries}


def test_a_restart_does_not_show_in_any_history() -> None:
    run_state_machine_as_test(
        Restarts,
        settings=settings(
            max_examples=settings().max_examples // 2, stateful_step_count=20
        ),
    )


def test_mapping_without_a_group_is_kept_across_a_restart() -> None:
    world = World()
    nameless = {**mapping_info("T1", "b"), "bname": None}
    world.register(body=registration_body(mappings={"T1": nameless}))
    before = world.route("T1")
    assert before["topicQueueMappingByBroker"]["null"]["totalQueues"] == 2
    after = restarted(world)
    assert after.route("T1") == before
    assert after.tables.gone_since.keys() == {None}
