"""The age of each difference counts for itself."""

from namesrv.admin.peers.lasting import Beginning, Lasting


def test_a_difference_keeps_its_beginning_until_it_is_gone() -> None:
    lasting = Lasting()
    assert lasting.note(["a"], 1000, 0) == {"a": Beginning(0, 1000)}
    found = lasting.note(["a", "b"], 6000, 5000)
    assert found == {"a": Beginning(0, 1000), "b": Beginning(5000, 6000)}
    assert lasting.longest_millis(70_000) == 70_000
    assert lasting.note(["b"], 0, 71_000) == {"b": Beginning(5000, 6000)}
    assert lasting.longest_millis(71_000) == 66_000
    assert lasting.note(["a"], 0, 72_000) == {"a": Beginning(72_000, 0)}


def test_nothing_lasts_without_a_difference() -> None:
    lasting = Lasting()
    lasting.note([], 0, 0)
    assert lasting.longest_millis(9) is None
