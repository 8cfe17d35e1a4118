"""Names that nobody can mean, and parameters that are wrong."""

from urllib.parse import quote

import pytest

from namesrv.testing.peer import Broker
from tests.admin.explain.asking import Asker
from tests.admin.served import asked


def test_a_name_of_64_kilobytes_is_an_error(asker: Asker) -> None:
    path = f"/v1/topics/{'x' * 65_536}/explain"
    assert asked(asker.address, path)[0] == 431


@pytest.mark.parametrize("name", ["x" * 4000, "\n\x1b[2J", "..", "%", "a/b", "钅"])
def test_any_other_name_has_an_explanation(asker: Asker, name: str) -> None:
    with asker.peer() as peer:
        peer.ask(Broker().registration({"Orders": 4, "Bills": 4}))
        for kind in ("topics", "brokers"):
            path = f"/v1/{kind}/{quote(name, safe='').replace('.', '%2E')}/explain"
            status, body, _ = asked(asker.address, path)
            assert (status, body["exists"]) == (200, False)
            sentences = [cause["sentence"] for cause in body["causes"]]
            assert sentences
            assert all(one.isprintable() and len(one) < 500 for one in sentences)


@pytest.mark.parametrize(
    "query", ["version=-1", "version=x", "zone", "unknown=1", "version=1&version=2"]
)
def test_a_wrong_parameter_is_one_sentence(asker: Asker, query: str) -> None:
    status, body, _ = asked(asker.address, f"/v1/topics/T/explain?{query}")
    expected = 200 if query == "zone" else 400
    assert status == expected
    assert ("detail" in body) == (expected == 400)
