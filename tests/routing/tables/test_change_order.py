"""Groups in the order of their last changes."""

from hypothesis import given
from hypothesis import strategies as st

from namesrv.routing.tables.broker_data import BrokerData
from namesrv.routing.tables.change_order import ChangeOrder


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abcd"))), st.integers(0, 40))
def test_groups_that_changed_since_are_found(
    history: list[tuple[bool, str]], since: int
) -> None:
    order = ChangeOrder()
    groups: dict[str, BrokerData] = {}
    for change, (goes, name) in enumerate(history, 1):
        if goes:
            groups.pop(name, None)
            order.discard(name)
        else:
            data = groups.setdefault(name, BrokerData("c", name))
            order.note(data, change)
            assert data.change == change
    newest_first = sorted(groups.values(), key=lambda data: -data.change)
    expected = [data for data in newest_first if data.change > since]
    assert list(order.since(since)) == expected
