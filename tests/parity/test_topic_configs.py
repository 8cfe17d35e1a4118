"""Tables of topics that are read from the bytes: twins agree with each other, and with
the typed decoder."""

from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.testing.peer import Json, json_bytes, topic_config
from namesrv.wire.bodies import TopicConfig
from namesrv.wire.topic_forms import LONGEST_NAME, MOST_FORMS, TopicForms
from tests.parity.twins import FAST, PURE, TWINS, outcome

DECODER = msgspec.json.Decoder(dict[str, TopicConfig])


def table(*topics: str, **more: Any) -> bytes:
    return json_bytes({topic: topic_config(topic, **more) for topic in topics})


def numbers(*values: int) -> Any:
    return values


def read(hot: Any, data: bytes, forms: TopicForms | None = None) -> Any:
    """The topics of a table with bytes behind it; None if the twin refuses it."""
    configs = hot.scan_topic_configs(data, 1, forms or TopicForms())
    if configs is None:
        return None
    count = len(configs)
    is_distinct = configs.find(0, count, {}, [])
    # More than there are.
    count += 1
    found: dict[Any, Any] = {}
    if is_distinct:
        different = configs.different(0, count, "b", -1, numbers, False)
        found = dict(zip(*different, strict=True))
    assert configs.count_new(0, count, "b") == len(found) or not is_distinct
    count -= 1
    size = configs.end, configs.longest_name, configs.objects, count
    return configs.names(0, count), found, size, is_distinct


def read_alike(data: bytes) -> Any:
    """The topics that both read, which are those of the typed decoder."""
    pure = outcome(read, PURE, data)
    assert outcome(read, FAST, data) == pure
    kind, found = pure
    if kind == "ok" and found[0] != "NoneType":
        names, different, (end, longest, objects, count), is_distinct = read(PURE, data)
        decoded = DECODER.decode(data[:end])
        assert [*dict.fromkeys(names)] == [*decoded]
        assert is_distinct is (len(decoded) == count)
        assert [config.topic_name for config in decoded.values()] == [*decoded]
        assert objects == data[1:end].count(b"{")
        assert longest == max(map(len, names), default=0)
        if is_distinct:
            assert different == {
                name: (c.perm, c.read_queue_nums, c.topic_sys_flag, c.write_queue_nums)
                for name, c in decoded.items()
            }
    return found


names = st.text(st.sampled_from("ab%|_-Z0 é\"\\{'"), min_size=0, max_size=4)
int32s = st.sampled_from([0, 6, 8, -1, 2**31 - 1, -(2**31), 2**31, 10**10])
attributes = st.sampled_from([{}, {"+a": "b"}, {"+a": "c"}, {"perm": "1"}])


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    topics: dict[str, Json] = {}
    for name in draw(st.lists(names, max_size=12)):
        config = topic_config(
            draw(st.one_of(st.just(name), names)) if draw(st.booleans()) else name,
            draw(int32s),
            draw(int32s),
            draw(int32s),
            write_queues=draw(int32s),
        )
        topics[name] = {**config, "attributes": draw(attributes)}
    return json_bytes(topics)


changes = st.lists(
    st.tuples(st.integers(0, 10_000), st.integers(0, 3), st.binary(max_size=3)),
    max_size=2,
)


@given(tables(), changes, st.sampled_from([b"", b"}", b",", b'{"']))
def test_twins_read_alike(data: bytes, edits: Any, behind: bytes) -> None:
    for place, removed, inserted in edits:
        at = 1 + place % len(data)
        data = data[:at] + inserted + data[at + removed :]
    read_alike(data + behind)


ONE = table("T")
ODD = {
    "empty": b"{}",
    "two alike": ONE[:-1] + b"," + ONE[1:],
    "name of most bytes": table("n" * LONGEST_NAME),
    "longer name": table("n" * (LONGEST_NAME + 1)),
    "key that is not the name": ONE.replace(b'"T":', b'"U":'),
    "leading zero": ONE.replace(b":6", b":06"),
    "minus zero": ONE.replace(b":6", b":-0"),
    "only a minus": ONE.replace(b":6", b":-"),
    "brace in a name": table("{}"),
    "delete in a name": table("\x7f"),
    "comma at the end": ONE[:-1] + b",}",
    "space between": b"{ " + ONE[1:],
    "text in place of an object": b'{"T":"T"}',
}


@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
def test_odd_tables(data: bytes) -> None:
    for end in range(1, len(data) + 1):
        read_alike(data[:end])


def test_as_many_forms_as_are_kept() -> None:
    def of_forms(count: int) -> bytes:
        topics = {f"t{n}": topic_config(f"t{n}") for n in range(2 * count)}
        for number, config in enumerate(topics.values()):
            config["attributes"] = {"a": str(number % count)}
        return json_bytes(topics)

    assert read_alike(of_forms(MOST_FORMS))[0] == "tuple"
    assert read_alike(of_forms(MOST_FORMS + 1))[0] == "NoneType"


# --- comparison with the tables -------------------------------------------------------


def known(hot: Any, *topics: str, groups: Sequence[str] = ("b",)) -> dict[str, Any]:
    queues = dict.fromkeys(groups, (6, 4, 0, 4))
    return {topic: hot.TopicQueues(topic, 0, dict(queues)) for topic in topics}


def compared(
    hot: Any, data: bytes, entries: dict[str, Any], expected: Sequence[str], **how: Any
) -> Any:
    """Names of topics that differ, by whether they are in the table."""
    configs = hot.scan_topic_configs(data, 1, TopicForms())
    in_order = [entries[name] for name in expected]
    for start in range(0, len(configs), 2):
        assert configs.find(start, start + 2, entries, in_order)
    for entry in how.get("gone", ()):
        entries[entry].queues = {}
    is_new, mask = how.get("only_new", False), how.get("mask", -1)
    count = configs.count_new(0, len(configs), "b")
    different = configs.different(0, len(configs), "b", mask, numbers, is_new)
    return count, [
        (key, "new", value) if isinstance(key, str) else (key.topic, "known", value)
        for key, value in zip(*different, strict=True)
    ]


CASES: dict[str, dict[str, Any]] = {
    "as expected": {},
    "only the new ones": {"only_new": True, "perm": 4},
    "other numbers": {"queues": 5},
    "masked": {"mask": ~2},
    "some are gone": {"gone": ["t1", "t3"]},
}


@pytest.mark.parametrize("how", CASES.values(), ids=CASES)
@pytest.mark.parametrize(
    "expected", ["", "012345", "12345", "0235", "543210", "024135", "000111"]
)
@pytest.mark.parametrize("missing", ["", "t2", "t0 t5"])
def test_topics_that_differ(how: dict[str, Any], expected: str, missing: str) -> None:
    topics = [f"t{number}" for number in range(6)]
    config = {name: how[name] for name in ("perm", "queues") if name in how}
    data = table(*topics, **config)
    in_table = [topic for topic in topics if topic not in missing.split()]
    in_order = [f"t{n}" for n in expected if f"t{n}" in in_table]
    pure, fast = (
        compared(hot, data, known(hot, *in_table), in_order, **how) for hot in TWINS
    )
    assert pure == fast
    count, different = pure
    assert count == len(missing.split()) + len(how.get("gone", ()))
    only_new = {topic for topic, kind, _ in different if kind == "new"}
    assert only_new == {*missing.split(), *how.get("gone", ())}


def test_topics_of_other_groups_are_expected() -> None:
    for hot in TWINS:
        entries = known(hot, "a", "b", groups=["other"])
        count, different = compared(hot, table("a", "b"), entries, ["a", "b"])
        assert count == 2
        assert [kind for _, kind, _ in different] == ["known", "known"]


def test_name_with_a_surrogate_is_expected_in_vain() -> None:
    for hot in TWINS:
        entries = {**known(hot, "a"), **known(hot, "\ud800")}
        count, _ = compared(hot, table("a", "b"), entries, ["\ud800", "a"])
        assert count == 1


@pytest.mark.parametrize("where", ["known", "unknown"])
def test_a_topic_that_comes_twice_is_noticed(where: str) -> None:
    one = table("T")
    data = one[:-1] + b"," + table("U")[1:-1] + b"," + one[1:]
    for hot in TWINS:
        entries = known(hot, "T", "U") if where == "known" else {}
        configs = hot.scan_topic_configs(data, 1, TopicForms())
        assert configs.find(0, 2, entries, list(entries.values()))
        assert not configs.find(2, 3, entries, list(entries.values()))


def test_body_has_to_be_bytes() -> None:
    for hot in TWINS:
        with pytest.raises(TypeError, match="body must be bytes, not str"):
            hot.scan_topic_configs("}", 0, TopicForms())


@pytest.mark.parametrize("step", [1, 7, 500])
@pytest.mark.parametrize("count", [1, 2, 31, 32, 33, 63, 64, 65, 511, 512, 513, 1025])
def test_a_topic_that_comes_twice_is_found_among_any_others(
    count: int, step: int
) -> None:
    chance = Random(count)
    names = [f"t{number}" for number in range(count)]
    chance.shuffle(names)
    assert is_distinct(names, step)
    for first in {0, count - 1, chance.randrange(count)}:
        for second in {0, count, chance.randrange(count + 1)}:
            twice = [*names[:second], names[first], *names[second:]]
            assert not is_distinct(twice, step)


@pytest.mark.parametrize("count", [64, 150])
def test_each_of_many_new_topics_is_found_if_it_comes_twice(count: int) -> None:
    names = [f"t{number}" for number in range(count)]
    assert is_distinct(names, count, new=1)
    for name in names:
        assert not is_distinct([*names, name], count + 1, new=1)


def is_distinct(names: Sequence[str], step: int, new: int = 2) -> bool:
    """Whether both find no topic twice; every `new`-th one is in no table."""
    data = b"{" + b",".join(table(name)[1:-1] for name in names) + b"}"
    found = []
    for hot in (PURE, FAST):
        configs = hot.scan_topic_configs(data, 1, TopicForms())
        others = [name for at, name in enumerate(names) if at % new]
        known = {name: hot.TopicQueues(name, 0, {"x": 1}) for name in others}
        starts = range(0, len(names), step)
        found.append(all(configs.find(s, s + step, known, []) for s in starts))
    assert found[0] is found[1]
    return bool(found[0])
