"""Things that are due, against a plain list."""

import random

from namesrv.admin.streams.due_times import DueTimes


def test_they_come_in_their_bucket_and_once() -> None:
    times = DueTimes[str]()
    times.put("late", 5000)
    times.put("soon", 1000)
    assert times.take(1000) == []
    assert times.take(1200) == ["soon"]
    assert times.take(5200) == ["late"]
    assert times.take(99_999) == []


def test_random_uses_equal_a_list() -> None:
    draw = random.Random(1)
    times, plain = DueTimes[int](), dict[int, int]()
    now_ms = 10_000
    for number in range(5000):
        now_ms += draw.randrange(60)
        due_ms = now_ms + draw.randrange(20_000)
        times.put(number, due_ms)
        plain[number] = due_ms
        if draw.random() < 0.5:
            other = draw.choice(list(plain))
            times.drop(other, plain.pop(other))
        for thing in times.take(now_ms):
            assert plain.pop(thing) <= now_ms
        assert all(due > now_ms - 256 for due in plain.values())
    assert sorted(times.take(now_ms + 30_000)) == sorted(plain)
    assert times._buckets == {}
