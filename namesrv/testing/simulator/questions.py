"""The observer's questions, and the answers of a model to them, byte for byte.

Written from docs/protocol.md, sections 1.3, 1.8, 2.7, 2.8 and 3.11.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from namesrv.testing.peer import (
    LEGACY,
    NEWEST,
    Request,
    frame,
    json_text,
    queue_data,
)
from namesrv.testing.simulator.model import Group, Model
from namesrv.testing.simulator.requests import Queues


class Question(NamedTuple):
    """A request of the observer; `subject` is its topic or cluster, if it has one."""

    code: int
    subject: str = ""
    standard: bool = False

    @property
    def text(self) -> str:
        """For people."""
        if self.code != 105:
            return f"{_NAMES[self.code]} {self.subject}".strip() + f" ({self.code})"
        dialect = "standard" if self.standard else "legacy"
        return f"the route of {self.subject} (105, {dialect} dialect)"

    @property
    def ext(self) -> dict[str, str] | None:
        """Its extFields."""
        if not self.subject:
            return None
        return {"topic" if self.code == 105 else "cluster": self.subject}


_NAMES: Final = {
    106: "the cluster info",
    206: "the list of all topics",
    224: "the topics of cluster",
}


class Questions:
    """All that the observer asks at once: the cluster info comes first."""

    def __init__(
        self, topics: Sequence[str], clusters: Sequence[str], *, acting_master: bool
    ) -> None:
        self._acting_master = acting_master
        self.asked = [Question(106), Question(206)]
        self.asked += [Question(224, cluster) for cluster in clusters]
        self.asked += [Question(105, t, s) for t in topics for s in (False, True)]
        self.data = b"".join(self._frames())

    def expected(self, model: Model) -> bytes:
        """The answers of a server with the knowledge of the model."""
        answers = []
        for opaque, question in enumerate(self.asked):
            body = self._body(model, question)
            answers.append(_answer_frame(opaque, question.subject, body))
        return b"".join(answers)

    def route(self, model: Model, topic: str, *, standard: bool) -> str | None:
        """Body of the answer to 105, None for code 17."""
        by_name = model.topics.get(topic)
        if by_name is None:
            return None
        brokers, queues = [], []
        filters: dict[str, tuple[str, ...]] = {}
        for name in sorted(by_name):
            group = model.groups[name]
            addrs = self._shown_addrs(group, by_name[name])
            brokers.append(_broker_data(group, name, addrs, standard=standard))
            queues.append(json_text(queue_data(name, *by_name[name])))
            for addr in group.addrs.values():
                filters[addr] = model.filters.get((group.cluster, addr), ())
        table = json_text({addr: f for addr, f in sorted(filters.items()) if f})
        return (
            f'{{"brokerDatas":[{",".join(brokers)}],"filterServerTable":{table},'
            f'"queueDatas":[{",".join(queues)}]}}'
        )

    def _frames(self) -> Iterator[bytes]:
        for opaque, question in enumerate(self.asked):
            code, ext = question.code, question.ext
            is_route = code == 105
            version = LEGACY if is_route and not question.standard else NEWEST
            request = Request(code, ext, version=version)
            yield request.frame(opaque, binary=not is_route)

    def _body(self, model: Model, question: Question) -> str | None:
        code, subject, standard = question
        if code == 105:
            return self.route(model, subject, standard=standard)
        if code == 106:
            return _cluster_info(model)
        if code == 206:
            return _topic_list(model.topics)
        names = model.clusters.get(subject, set())
        return _topic_list(t for t, q in model.topics.items() if names & q.keys())

    def _shown_addrs(self, group: Group, queues: Queues) -> dict[int, str]:
        """Section 3.11, step 7."""
        addrs = dict(group.addrs)
        is_writable = queues.perm & 2
        if self._acting_master and group.acting and group.lacks_master:
            if not is_writable:
                addrs[0] = addrs.pop(min(addrs))
        return addrs


def _topic_list(topics: Iterable[str]) -> str:
    return json_text({"topicList": sorted(topics)})


def _cluster_info(model: Model) -> str:
    brokers = ",".join(
        f'"{name}":{_broker_data(group, name, group.addrs, standard=False)}'
        for name, group in sorted(model.groups.items())
    )
    clusters = {c: sorted(names) for c, names in sorted(model.clusters.items())}
    table = json_text(clusters)
    return f'{{"brokerAddrTable":{{{brokers}}},"clusterAddrTable":{table}}}'


def _broker_data(
    group: Group, name: str, addrs: dict[int, str], *, standard: bool
) -> str:
    mark = '"' if standard else ""
    table = ",".join(f'{mark}{i}{mark}:"{addrs[i]}"' for i in sorted(addrs))
    acting = "true" if group.acting else "false"
    return (
        f'{{"brokerAddrs":{{{table}}},"brokerName":"{name}",'
        f'"cluster":"{group.cluster}","enableActingMaster":{acting}}}'
    )


def _answer_frame(opaque: int, topic: str, body: str | None) -> bytes:
    code, remark = 0, ""
    if body is None:
        code = 17
        remark = (
            f'"remark":"No topic route info in name server for the topic: {topic}\\n'
            "See https://rocketmq.apache.org/docs/bestPractice/06FAQ for further "
            'details.",'
        )
    header = (
        f'{{"code":{code},"flag":1,"language":"JAVA","opaque":{opaque},{remark}'
        '"serializeTypeCurrentRPC":"JSON","version":479}'
    )
    return frame(header.encode(), (body or "").encode())
