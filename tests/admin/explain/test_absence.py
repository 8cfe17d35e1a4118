"""Names that are not here: each cause, made over real sockets."""

import pytest

from namesrv.testing.peer import Broker
from tests.admin.explain.asking import Asker


def test_never_registered(asker: Asker) -> None:
    with asker.peer() as peer:
        peer.ask(Broker().registration({"Orders": 4, "Bills": 4}))
        found = asker.topic("Nothing-like-it")
        assert not found.exists
        assert found.confidence("never_registered") == "certain"
        assert found.confidence("no_brokers") is None


def test_no_brokers_at_all(asker: Asker) -> None:
    assert asker.topic("Orders").confidence("no_brokers") == "certain"


@pytest.mark.parametrize(
    ("asked", "difference"),
    [
        ("orders", "only in letter case"),
        ("Or-ders", "in separators or letter case"),
        ("shop%Orders", "in the namespace before the %"),
        ("%DLQ%Orders", "in a prefix of RocketMQ (%RETRY%, %DLQ%)"),
    ],
)
def test_another_spelling(asker: Asker, asked: str, difference: str) -> None:
    with asker.peer() as peer:
        peer.ask(Broker().registration({"Orders": 4, "Bills": 4}))
        found = asker.topic(asked)
        assert found.confidence("similar_name") == "likely"
        assert found.sentence("similar_name").endswith(f"which differs {difference}.")
        assert found.causes["similar_name"]["next"] == "namesrv explain Orders"
