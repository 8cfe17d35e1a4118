"""Forms of TopicConfig objects, learned from one and understood by the decoder."""

import pytest

from namesrv.testing.peer import json_bytes, topic_config
from namesrv.wire.topic_forms import MOST_FORMS, TopicForm, TopicForms, learn_form

NEW = json_bytes(topic_config("T", 8))
OLD = (
    b'{"order":false,"perm":6,"readQueueNums":8,"topicFilterType":"SINGLE_TAG",'
    b'"topicName":"T","topicSysFlag":0,"writeQueueNums":8}'
)
WITH_ATTRIBUTES = NEW.replace(b"{}", b'{"+message.type":"FIFO"}')


@pytest.mark.parametrize("config", [NEW, OLD, WITH_ATTRIBUTES])
def test_forms_of_brokers(config: bytes) -> None:
    form = learn_form(config)
    assert form is not None
    assert form.holes == (1, 2, 0, 3, 4)
    values = (b"6", b"8", b"T", b"0", b"8")
    pieces = zip(form.texts, (*values, b""), strict=True)
    assert b"".join(text + value for text, value in pieces) == config


UNUSUAL = {
    "no name": NEW.replace(b'"topicName":"T",', b""),
    "two names": NEW.replace(b'"order"', b'"topicName":"U","order"'),
    "null": NEW.replace(b'"T"', b"null"),
    "name with an escape": NEW.replace(b'"T"', b'"\\u0054"'),
    "member with an escape": NEW.replace(b"topicName", b"topic\\u004eame"),
    "name inside of another object": b'{"attributes":%b,"order":false}' % OLD,
    "perm inside of another object": NEW.replace(b'"perm":6,', b"").replace(
        b"{}", b'{"perm":6}'
    ),
    "no perm": NEW.replace(b'"perm":6,', b""),
    "fraction": NEW.replace(b'"perm":6', b'"perm":6.0'),
    "text": NEW.replace(b'"perm":6', b'"perm":"6"'),
    "space": NEW.replace(b":6,", b": 6,"),
    "comma": NEW.replace(b"8}", b"8,}"),
    "another quote": NEW.replace(b'"', b"'"),
    "number of another member": NEW.replace(b'"perm"', b'"xperm"').replace(
        b"false", b'"perm":6'
    ),
    "overlong": NEW.replace(b"{}", b'{"a":"%b"}' % (b"x" * 5000)),
    "cut off": NEW[:-1],
}


@pytest.mark.parametrize("config", UNUSUAL.values(), ids=UNUSUAL)
def test_unusual_objects_have_no_form(config: bytes) -> None:
    assert TopicForms().learn(config, 0) is None


def test_the_latest_forms_are_kept() -> None:
    forms = TopicForms()
    learned: list[TopicForm] = []
    for number in range(MOST_FORMS + 3):
        body = b"at" + NEW.replace(b"{}", b'{"a":"%d"}' % number) + b"}"
        form = forms.learn(body, 2)
        assert form is not None
        learned.append(form)
        assert forms.learn(body, 2) == form
    assert forms.forms == learned[: -MOST_FORMS - 1 : -1]
