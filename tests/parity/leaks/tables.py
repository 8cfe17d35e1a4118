"""Topics and brokers that come, change and go."""

from namesrv._impl import (
    BrokerLiveInfo,
    BrokerLiveTable,
    RouteAnswers,
    scan_topic_configs,
)
from namesrv.testing.peer import json_bytes, topic_config
from namesrv.wire.bodies import DataVersion, QueueData
from namesrv.wire.topic_forms import TopicForms
from tests.parity.leaks.measure import keep_nothing
from tests.parity.leaks.server import NOW_MS

answers = RouteAnswers(2_000)
table = BrokerLiveTable()
body = b"b" * 700
version = DataVersion(10**12, 10**13, 10**14)
topics = [f"topic {n}" for n in range(100)]
owner = object()
configs_of_topics = json_bytes({topic: topic_config(topic) for topic in topics})
forms = TopicForms()


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


def queues_of(perm: int, read: int, flag: int, write: int) -> QueueData:
    return QueueData("b", perm, read, flag, write)


def scans() -> None:
    configs = scan_topic_configs(configs_of_topics, 1, forms)
    assert configs is not None
    configs.find(0, 100, {}, [])
    configs.different(0, 100, "b", -1, queues_of, False)


watched = {"the body": body, "the version": version, "the owner": owner}
keep_nothing("routes", routes, 800, {**watched, "the answers": answers})
keep_nothing("brokers", brokers, 800, {**watched, "the table": table})
keep_nothing("scans", scans, 100, {"the bytes": configs_of_topics})
assert len(answers) == len(table) == answers.kept_bytes == 0
