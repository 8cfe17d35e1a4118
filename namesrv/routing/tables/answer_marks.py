"""Marks of ready answers: which topics' answers are out of date, and have to be made
again (`routing/answers/route_bodies.py` has the rules)."""

from collections.abc import Mapping

from namesrv._impl import RouteAnswers, TopicQueues
from namesrv.routing.tables.broker_data import BrokerData
from namesrv.work import STEP_UNITS, Cost, Steps, batches


class AnswerMarks:
    """Keeps answers of topics until something that they show has changed."""

    def __init__(
        self, route_answers: RouteAnswers, groups: Mapping[str, BrokerData]
    ) -> None:
        self.route_answers = route_answers
        self._groups = groups
        self._answers = 0

    def answered(self, entry: TopicQueues, standard: bool, body: bytes) -> None:
        """Keep a topic's route as it was written, until something in it changes."""
        entry.is_answered = True
        self._answers += 1
        self.route_answers.put(entry.topic, standard, body)

    def mark(self, entry: TopicQueues) -> None:
        """Something that a topic's answer shows changed."""
        entry.is_answered = False
        self.route_answers.mark(entry.topic)

    def mark_group(self, data: BrokerData) -> Steps[None]:
        """Something that the answers of all topics of a group show changed."""
        if data.marked_answers == self._answers:
            return  # No topic of any group was answered since.
        data.marked_answers = self._answers
        for entries in batches(data.topics(), Cost.TOPIC):
            for entry in entries:
                # Meanwhile a topic may have gone.
                if entry.is_answered and entry.queues:
                    self.mark(entry)
            yield len(entries) * Cost.TOPIC

    def mark_address(self, cluster: str, addr: str) -> Steps[None]:
        """Something that the answers of groups with a broker at this address show
        changed. Several groups may have it."""
        if not self._answers:
            return
        for some in batches(list(self._groups.values()), Cost.GROUP):
            for data in some:
                if data.cluster == cluster and data.broker_addrs.ids_of(addr):
                    yield from self.mark_group(data)
            yield len(some) * Cost.GROUP

    def forget_all(self) -> Steps[None]:
        """All answers up to now are out of date."""
        most = STEP_UNITS // Cost.TOPIC_CHANGED
        for _ in range(0, self.route_answers.kept_topics, most):
            self.route_answers.forget_oldest(most)
            yield most * Cost.TOPIC_CHANGED
