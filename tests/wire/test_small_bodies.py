"""Bodies of QUERY_DATA_VERSION and REGISTER_TOPIC_IN_NAMESRV."""

import pytest

from namesrv.errors import BodyInvalid
from namesrv.wire.bodies import (
    DataVersion,
    QueueData,
)
from namesrv.wire.register_body import (
    read_data_version_steps,
    read_queue_datas_steps,
)
from namesrv.work import finish


@pytest.mark.parametrize(
    ("body", "version"),
    [
        (b'{"counter":5,"stateVersion":1,"timestamp":7}', DataVersion(5, 1, 7)),
        (b'{"counter":"5"}', DataVersion(5, 0, None)),
        (b"{}", DataVersion(0, 0, None)),
        (b"null", None),
        (b"[]", None),
    ],
)
def test_data_versions(body: bytes, version: DataVersion | None) -> None:
    assert finish(read_data_version_steps(body)) == version


@pytest.mark.parametrize("body", [b"{", b"5", b'{"counter":"x"}', b'{"counter":1e99x}'])
def test_data_versions_that_cannot_be_read(body: bytes) -> None:
    with pytest.raises(BodyInvalid, match="data version cannot be read"):
        finish(read_data_version_steps(body))


@pytest.mark.parametrize(
    ("body", "queue_datas"),
    [
        (b'{"queueDatas":[{"brokerName":"b","perm":6}]}', [QueueData("b", 6)]),
        (b'{"queueDatas":[null,{}]}', [None, QueueData()]),
        (b'{"queueDatas":[]}', []),
        (b'{"queueDatas":null,"brokerDatas":[{"brokerAddrs":{0:"a"}}]}', None),
        (b"{}", None),
        (b"null", None),
    ],
)
def test_queue_datas(body: bytes, queue_datas: list[QueueData | None] | None) -> None:
    assert finish(read_queue_datas_steps(body)) == queue_datas


def test_queue_datas_that_cannot_be_read() -> None:
    with pytest.raises(BodyInvalid, match="topic route cannot be read"):
        finish(read_queue_datas_steps(b"{"))
