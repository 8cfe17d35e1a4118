"""Addresses by broker id and back, without a dictionary of a peer's numbers."""

from hypothesis import given
from hypothesis import strategies as st

from namesrv.routing.tables.broker_addrs import BrokerAddrs

ids = st.integers(-3, 5) | st.sampled_from([-(2**63), 2**63 - 1])
addrs = st.sampled_from(["a:1", "b:1", None])
changes = st.lists(st.tuples(ids, addrs | st.just("gone")))


@given(changes)
def test_any_order_of_changes(changes: list[tuple[int, str | None]]) -> None:
    naive: dict[int, str | None] = {}
    found = BrokerAddrs()
    for broker_id, addr in changes:
        if addr == "gone":
            assert found.pop(broker_id, "none") == naive.pop(broker_id, "none")
        else:
            found[broker_id] = naive[broker_id] = addr
        assert found == naive and list(found) == sorted(naive)
        assert found.lowest == min(naive, default=None)
        assert list(found.known()) == [
            (key, text) for key, text in sorted(naive.items()) if text is not None
        ]
        for text in ("a:1", "b:1", None):
            held = {key for key, known in naive.items() if known == text}
            assert set(found.ids_of(text)) == held
        assert BrokerAddrs(naive) == found


def test_ids_are_not_hashed() -> None:
    """CPython gives these four the same hash, and a peer could choose thousands that
    take long to find."""

    class Id(int):
        def __hash__(self) -> int:
            raise AssertionError("an id was hashed")

    found = BrokerAddrs()
    for number in (5, 1, 3):
        found[Id(number)] = f"{number}:1"
    assert found.pop(Id(3)) == "3:1" and Id(3) not in found
    assert found.ids_of("1:1") == (1,)
