"""A broker, and its registration."""

import zlib
from collections.abc import Mapping
from typing import Final, NamedTuple

from namesrv.testing.peer.header import NEWEST
from namesrv.testing.peer.json_text import Json, json_text
from namesrv.testing.peer.registration import registration_body, topic_config
from namesrv.testing.peer.request import request

REGISTER_BROKER: Final = 103


class Broker(NamedTuple):
    """Names a broker; without a `timeout_millis` the server chooses one."""

    name: str = "broker-a"
    id: int = 0
    addr: str = "10.0.0.1:10911"
    cluster: str = "c1"
    timeout_millis: int | None = None

    @property
    def ext_fields(self) -> dict[str, str]:
        """The extFields that name it in 103, 104, 322 and 904, in Java's order."""
        return {
            "brokerId": str(self.id),
            "clusterName": self.cluster,
            "brokerAddr": self.addr,
            "brokerName": self.name,
        }

    @property
    def ha_addr(self) -> str:
        """Where its slaves copy from."""
        return f"{self.addr}-ha"

    def registration(
        self,
        topics: Mapping[str, int],
        opaque: int = 0,
        *,
        padding_bytes: int = 0,
        version: Json = None,
        ext: Mapping[str, str | None] | None = None,
    ) -> bytes:
        """REGISTER_BROKER of topics with their number of queues.

        `padding_bytes`, a multiple of 1,000, are added as a member that a server skips;
        `version` is its DataVersion, `ext` as in `registration`.
        """
        table = {topic: topic_config(topic, queues) for topic, queues in topics.items()}
        body = registration_body(table, version=version)
        if padding_bytes:
            # Objects, because the lenient reader takes no long text outside of them.
            padding = json_text([{"x": "x" * 1000}] * (padding_bytes // 1000))
            body = body[:-1] + f',"padding":{padding}}}'.encode()
        return registration(self, body, ext=ext, opaque=opaque)


def registration_fields(
    broker: Broker, body: bytes, ext: Mapping[str, str | None] | None = None
) -> dict[str, str]:
    """The extFields of a 5.x broker's registration, in Java's order.

    `ext` replaces some of them, and leaves out those that are None in it.
    """
    timeout_millis = broker.timeout_millis
    fields: dict[str, str | None] = {
        "heartbeatTimeoutMillis": str(timeout_millis) if timeout_millis else None,
        "brokerId": str(broker.id),
        "bodyCrc32": str(zlib.crc32(body) & 0x7FFFFFFF),
        "clusterName": broker.cluster,
        "brokerAddr": broker.addr,
        "enableActingMaster": "false",
        "haServerAddr": broker.ha_addr,
        "compressed": "false",
        "brokerName": broker.name,
        **(ext or {}),
    }
    return {name: text for name, text in fields.items() if text is not None}


def registration(
    broker: Broker,
    body: bytes | None = None,
    *,
    ext: Mapping[str, str | None] | None = None,
    opaque: int = 0,
    version: int = NEWEST,
    flag: int = 0,
) -> bytes:
    """REGISTER_BROKER as a 5.x broker sends it; of two topics without a `body`.

    `ext` is that of `registration_fields`, `version` the broker's MQVersion.
    """
    body = registration_body() if body is None else body
    fields = registration_fields(broker, body, ext)
    return request(
        REGISTER_BROKER, fields, body, opaque=opaque, version=version, flag=flag
    )
