"""What real brokers and mqadmin said to a Java NameServer, and what it answered."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from namesrv.codes import FLAG_ONEWAY, RequestCode
from namesrv.testing.peer import Answer, frame_parts
from tests.golden.transcript import (
    Outcome,
    Pointer,
    Step,
)

FOLDER: Final = Path(__file__).with_name("real")
_GAP_SECONDS: Final = 100
"""Files that begin longer after the one before are from another NameServer."""

_UNORDERED: Final[dict[int, tuple[Pointer, ...]]] = {
    RequestCode.GET_ROUTEINFO_BY_TOPIC: (
        ("body", "brokerDatas"),
        ("body", "brokerDatas", "*", "brokerAddrs"),
        ("body", "queueDatas"),
    ),
    RequestCode.GET_BROKER_CLUSTER_INFO: (
        ("body", "brokerAddrTable"),
        ("body", "brokerAddrTable", "*", "brokerAddrs"),
        ("body", "clusterAddrTable", "*"),
    ),
    RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER: (("body", "topicList"),),
    RequestCode.REGISTER_BROKER: (("body", "table"),),
}
_OF_THE_RECORDING: Final = tuple(
    ("config", key)
    for key in """bindAddress configStorePath kvConfigPath listenPort
    rocketmqHome""".split()
)
"""Lines of a 319 answer that say where the recorded server ran."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, or the end of a connection, as a step to be played.

    `file` names the recording, without its ending; `header` is empty for an end.
    """

    file: str
    header: dict[str, Any]
    body: bytes
    step: Step

    @property
    def code(self) -> int:
        """The request code, -1 for an end."""
        return int(self.header.get("code", -1))


@dataclass(frozen=True, slots=True)
class Session:
    """All that one Java NameServer was asked, in the order in which it was."""

    name: str
    exchanges: tuple[Exchange, ...]


def read_sessions() -> list[Session]:
    """All recordings, in sessions, each named after its first file."""
    contents = [json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")]
    contents.sort(key=_began)
    groups: list[list[dict[str, Any]]] = []
    last = float("-inf")
    for content in contents:
        if _began(content) - last > _GAP_SECONDS:
            groups.append([])
        groups[-1].append(content)
        last = content["frames"][-1]["t"]
    return [Session(group[0]["name"], tuple(_exchanges(group))) for group in groups]


def _began(content: dict[str, Any]) -> float:
    return float(content["frames"][0]["t"])


def _exchanges(contents: list[dict[str, Any]]) -> Iterator[Exchange]:
    answers = {
        (frame["conn"], Answer(data).opaque): data
        for content in contents
        for frame in content["frames"]
        if frame.get("dir") == "<" and (data := _data(frame))
    }
    for content in contents:
        for number, frame in enumerate(content["frames"]):
            if frame.get("dir") == ">":
                yield _exchange(content["name"], number, frame, answers)


def _data(frame: dict[str, Any]) -> bytes:
    return base64.b64decode(frame.get("b64", ""))


def _exchange(
    file: str,
    number: int,
    frame: dict[str, Any],
    answers: dict[tuple[str, int], bytes],
) -> Exchange:
    peer, data = frame["conn"], _data(frame)
    if not data:
        end = _step(number, peer, Outcome(closed=True))
        return Exchange(file, {}, b"", end)
    header = json.loads(frame["header"])
    answer = Outcome()
    if not header["flag"] & FLAG_ONEWAY:
        answer = Outcome((answers[peer, header["opaque"]],))
    step = _step(number, peer, answer, data, header["code"])
    return Exchange(file, header, frame_parts(data)[2], step)


def _step(
    number: int, peer: str, answer: Outcome, request: bytes = b"", code: int = -1
) -> Step:
    return Step(
        number=number,
        op="request" if request else "shutdown_write",
        peer=peer,
        note=f"code {code}" if request else "end",
        pause_millis=0,
        quiet_millis=0,
        piece_bytes=0,
        port=0,
        request=request,
        right_answers=(answer,),
        unordered=_UNORDERED.get(code, ()),
        volatile=_OF_THE_RECORDING if code == RequestCode.GET_NAMESRV_CONFIG else (),
    )
