"""Topics and brokers that come, change and go."""

from namesrv._impl import BrokerLiveInfo, BrokerLiveTable, RouteAnswers
from namesrv.wire.bodies import DataVersion
from tests.parity.leaks.measure import keep_nothing
from tests.parity.leaks.server import NOW_MS

answers = RouteAnswers(2_000)
table = BrokerLiveTable()
body = b"b" * 700
version = DataVersion(10**12, 10**13, 10**14)
topics = [f"topic {n}" for n in range(100)]
owner = object()


def routes() -> None:
    for topic in topics:
        answers.mark(topic)
        answers.put(topic, True, body)
        answers.put(topic, False, body)
        answers.put(topic, True, body)
        answers.answer(topic, True, 10**9)
    answers.forget_oldest(100)
    for topic in topics:
        answers.mark(topic)
        answers.remove(topic)
        answers.remove(topic)


def brokers() -> None:
    for topic in topics:
        info = BrokerLiveInfo("c", topic, "b", 10**12, version, "ha", owner)
        table.put(info, NOW_MS)
        table.put(info, NOW_MS)
        other = BrokerLiveInfo("c", topic, "b", 10**12, version, "ha", owner)
        table.put(other, NOW_MS)
        table.renew(info, owner, NOW_MS)
        table.touch("c", topic, NOW_MS)
        table.get("c", topic)
    table.expired(NOW_MS * 3)
    table.shift(10**9)
    table.entries()
    for topic in topics:
        table.remove("c", topic)
        table.remove("c", topic)


watched = {"the body": body, "the version": version, "the owner": owner}
keep_nothing("routes", routes, 800, {**watched, "the answers": answers})
keep_nothing("brokers", brokers, 800, {**watched, "the table": table})
assert len(answers) == len(table) == answers.kept_bytes == 0
