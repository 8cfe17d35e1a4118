"""Whatever brokers and operators did, each name has an explanation that fits."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from namesrv.codes import RequestCode
from namesrv.testing.peer import (
    Broker,
    data_version,
    registration,
    registration_body,
    topic_table,
)
from tests.admin.api.asking import Api

TOPICS = ["Orders", "orders", "TBW102", "%RETRY%g", "x" * 300, "a b"]
ADDRESSES = ["10.0.0.1:1", "10.0.0.2:1", "127.0.0.1:1", "", "odd"]
BROKERS = st.builds(
    Broker,
    st.sampled_from(["a", "b"]),
    st.integers(0, 2),
    st.sampled_from(ADDRESSES),
    st.sampled_from(["c1", "c2"]),
)


@st.composite
def registrations(draw: st.DrawFn) -> tuple[str, bytes]:
    names = draw(st.lists(st.sampled_from(TOPICS), max_size=3, unique=True))
    version = data_version(draw(st.integers(0, 3)), state_version=draw(st.booleans()))
    table = topic_table(*names, perm=draw(st.sampled_from([0, 2, 4, 6])))
    body = registration_body(table, version=version)
    acting = draw(st.sampled_from(["true", "false", None]))
    crc = draw(st.sampled_from([None, "1", "0", "0"]))
    ext = {"enableActingMaster": acting} | ({"bodyCrc32": crc} if crc else {})
    return "register", registration(draw(BROKERS), body, ext=ext)


def requests() -> st.SearchStrategy[tuple[str, Any]]:
    """A request of a broker or an operator, an end of the connection, a silence."""
    topic = st.fixed_dictionaries({"topic": st.sampled_from(TOPICS)})
    name = st.fixed_dictionaries({"brokerName": st.sampled_from(["a", "b"])})
    return st.one_of(
        registrations(),
        st.tuples(st.just("unregister"), BROKERS),
        st.tuples(st.just("delete"), topic),
        st.tuples(st.just("wipe"), name),
        st.tuples(st.just("give"), name),
        st.just(("close", None)),
        st.just(("silence", None)),
    )


CODES = {
    "delete": RequestCode.DELETE_TOPIC_IN_NAMESRV,
    "wipe": RequestCode.WIPE_WRITE_PERM_OF_BROKER,
    "give": RequestCode.ADD_WRITE_PERM_OF_BROKER,
}


def do(api: Api, kind: str, thing: Any) -> None:
    world = api.world
    if kind == "register":
        world.send(thing)
    elif kind == "unregister":
        world.ask(RequestCode.UNREGISTER_BROKER, thing.ext_fields)
    elif kind == "close":
        world.close()
        world.connection = world.connect()
    elif kind == "silence":
        world.run(130_000)
    else:
        world.ask(CODES[kind], thing)


@settings(max_examples=60, deadline=None)
@given(st.lists(requests(), max_size=12), st.booleans(), st.booleans())
def test_each_name_has_an_explanation(
    things: list[tuple[str, Any]], drops: bool, acts: bool
) -> None:
    api = Api(
        delete_topic_with_broker_registration=drops,
        support_acting_master=acts,
        enable_all_topic_list=acts,
    )
    for kind, thing in things:
        do(api, kind, thing)
    tables = api.world.tables
    for topic in (*TOPICS, "Nothing"):
        name = topic.replace("%", "%25").replace(" ", "%20")
        found = api.get(f"/v1/topics/{name}/explain?zone=east&cluster=c1")
        assert found["exists"] == (topic in tables.topic_queue_table)
        ids = [cause["id"] for cause in found["causes"]]
        assert len(ids) == len(set(ids))
        assert ids or found["exists"]
        if found["exists"]:
            assert "never_registered" not in ids
        assert all(cause["sentence"].endswith(".") for cause in found["causes"])
    for name in ("a", "b", *ADDRESSES[:3], "nobody"):
        found = api.get(f"/v1/brokers/{name}/explain?cluster=c2")
        is_here = name in tables.broker_addr_table or any(
            name in data.broker_addrs.values()
            for data in tables.broker_addr_table.values()
        )
        assert found["exists"] == is_here
        assert found["causes"] or found["exists"]
    assert not api.world.has_event("internal error")
