"""Explanations from a history that has lost events, or left names out of them."""

from itertools import pairwise
from typing import Any, ClassVar

from namesrv.admin.explain.past import past_of_topic
from namesrv.codes import RequestCode
from namesrv.routing.history.record import Record, packed
from namesrv.routing.history.ring import History
from namesrv.testing.peer import Broker, registration, registration_body, topic_table
from tests.admin.api.asking import Api

MANY = [f"topic-{number:05}" for number in range(3000)]


def registered(api: Api, *names: str) -> None:
    body = registration_body(topic_table(*names))
    api.world.only(api.world.send(registration(Broker(), body)))


def causes(api: Api, topic: str) -> dict[str, str]:
    found = api.get(f"/v1/topics/{topic}/explain")
    return {cause["id"]: cause["confidence"] for cause in found["causes"]}


def test_events_that_are_gone_are_unknown() -> None:
    api = Api(history_bytes=4096)
    registered(api, "Orders", "Bills")
    fields = Broker().ext_fields
    for _ in range(20):
        api.world.ask(RequestCode.WIPE_WRITE_PERM_OF_BROKER, fields)
        api.world.ask(RequestCode.ADD_WRITE_PERM_OF_BROKER, fields)
    assert api.world.state.history.first > 1
    found = api.get("/v1/topics/Nothing/explain")
    confidences = {one["id"]: one["confidence"] for one in found["causes"]}
    assert confidences["never_registered"] == "likely"
    sentence = "events before the oldest one that the history still has"
    assert sentence in found["unknown"]


def test_a_group_that_went_with_very_many_topics() -> None:
    """The events have the first names only: for these, and for the first ones of those
    that were added, the cause is known."""
    api = Api(history_bytes=8 * 32 * 1000)
    registered(api, *MANY)
    api.world.ask(RequestCode.UNREGISTER_BROKER, Broker().ext_fields)
    assert causes(api, MANY[0])["broker_unregistered"] == "certain"
    unknown = api.get(f"/v1/topics/{MANY[-1]}/explain")["unknown"]
    assert any("some names were left out" in sentence for sentence in unknown)


def test_a_topic_that_was_named_only_when_it_came() -> None:
    api = Api(history_bytes=8 * 32 * 1000)
    registered(api, *MANY[:900])
    registered(api, *MANY)
    api.world.ask(RequestCode.DELETE_TOPIC_IN_NAMESRV, {"topic": MANY[5]})
    registered(api, "Late-one", *MANY)
    api.world.ask(RequestCode.UNREGISTER_BROKER, Broker().ext_fields)
    assert causes(api, "Late-one")["broker_unregistered"] == "certain"


def test_a_long_history_is_read_in_steps() -> None:
    api = Api()
    registered(api, "Orders", "Bills")
    fields = Broker().ext_fields
    for _ in range(2000):
        api.world.ask(RequestCode.WIPE_WRITE_PERM_OF_BROKER, fields)
        api.world.ask(RequestCode.ADD_WRITE_PERM_OF_BROKER, fields)
    found = api.get("/v1/topics/Orders/explain")
    assert len(found["evidence"]["gone"]) == 50
    assert max(api.units) < 3000
    assert "write_wiped" not in causes(api, "Orders")


class Counted(Record):
    """A record that counts how often it is decoded."""

    decoded: ClassVar[list[int]] = []

    def facts(self) -> dict[str, Any]:
        self.decoded.append(self.number)
        return super().facts()


def test_each_large_record_has_a_step_of_its_own() -> None:
    """The units of a step are those of the record that was decoded in it."""
    history = History(8 << 20)
    event = {
        "type": "Other",
        "cause": {"kind": "request"},
        "topics": {"added": MANY * 11},
    }
    for number in range(1, 6):
        record = Counted(number, 0, packed({**event, "broker": "b", "number": number}))
        history._records.append(record)
    history.last = 5
    Counted.decoded.clear()
    units, decodes = [], []
    for spent in past_of_topic(history, MANY[7], (), (), 0):
        units.append(spent)
        decodes.append(len(Counted.decoded))
    assert Counted.decoded == [5, 4, 3, 2, 1]
    each = [after - before for before, after in pairwise([0, *decodes])]
    assert max(each) == 1
    size = len(record.content)
    decoding = [spent for spent, count in zip(units, decodes, strict=True) if count]
    assert sum(decoding) >= 5 * (size // 256)


def test_only_a_topic_needs_the_records_that_left_names_out() -> None:
    api = Api(history_bytes=8 * 32 * 1000)
    registered(api, *MANY)
    history = api.world.state.history
    history._records[:] = [Counted(*one) for one in history.newest_first()]
    Counted.decoded.clear()
    api.get("/v1/brokers/another/explain")
    assert not Counted.decoded
    api.get("/v1/topics/another/explain")
    assert len(Counted.decoded) == 1
