"""kvConfig.json, Java's or ours: read whole or refused, and read again as written."""

import json
from collections.abc import Iterable
from typing import Final

from namesrv.errors import StartFailed
from namesrv.options import Options
from namesrv.routing.events import Cause, CauseKind, EventStream
from namesrv.routing.outbox import FileWrite, Outbox
from namesrv.routing.settings.kv_config import KVConfigManager
from tests.fuzz.structure import JSON_WORDS, mutate_json
from tests.fuzz.target import Target, tried

ALLOWED: Final = (StartFailed,)


def run(data: bytes) -> None:
    """A value is put into what was read; the new file says the same as memory."""
    store = Store()
    seen = tried(ALLOWED, store.manager.load, data)
    if seen[0] == "err":
        return
    content = store.put("n", "k", "v")
    again = Store()
    again.manager.load(content)
    assert again.manager.get("n", "k") == "v"
    # Half a character is written as "?", which may stand elsewhere in the order.
    assert json.loads(again.put("n", "k", "v")) == json.loads(content)
    for namespace in ("n", "ORDER_TOPIC_CONFIG"):
        assert again.manager.has_namespace(namespace) == (
            store.manager.has_namespace(namespace)
        )
        store.manager.table_body(namespace).decode()


class Store:
    """A key-value configuration, and its file in memory."""

    def __init__(self) -> None:
        self.outbox = Outbox()
        options = Options(data_dir="data")
        self.manager = KVConfigManager(
            options,
            self.outbox,
            EventStream(lambda event: None, lambda: 0),
            lambda *changed: None,
        )

    def put(self, namespace: str, key: str, value: str) -> bytes:
        """Store a value; the file's new content."""
        cause = Cause(CauseKind.REQUEST)
        self.manager.put(namespace, key, value, cause, lambda error: None)
        (write,) = self.outbox.take()
        assert isinstance(write, FileWrite)
        content = b"".join(write.content())
        write.done(None)
        return content


def seeds() -> Iterable[bytes]:
    """Files as both write them, and what is no such file."""
    yield b'{"configTable":{"ORDER_TOPIC_CONFIG":{"T1":"b:4"},"n":{"k":"\\u00e9,\\""}}}'
    yield b'{\n\t"configTable":{\n\t\t"n":{\n\t\t\t"k":"v"\n\t\t}\n\t}\n}'
    yield b'{"configTable":{"n":null,"m":{},1:{2:3,"x":null,"y":{"z":[1.50]}}}}'
    yield b'{"configTable":[]}'
    yield b"[]"
    yield b""
    yield b'{"configTable":{"n":{"k":"\\ud83d"}}}'


TARGET: Final = Target("kv-file", run, ALLOWED, seeds, mutate_json, JSON_WORDS)
