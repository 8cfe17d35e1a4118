"""Where a recording shows Java's side of a difference that we made on purpose.

Every row names the paragraph of docs/protocol.md, chapter 9, that documents it, and
what we answer instead. A row that no longer differs from Java is an error.
"""

import json
from dataclasses import dataclass
from typing import Final

from namesrv.testing.peer import frame, frame_parts
from tests.golden.transcript import Outcome, Pointer, Step


@dataclass(frozen=True, slots=True)
class Difference:
    """Our answer to one step: the recorded one, but for the parts given here.

    `recording` is the name of a file in transcripts/ or real/, `step` a place in its
    list; `edits` are replacements in the recorded body; `volatile` says which values
    may be anything.
    """

    recording: str
    step: int
    paragraph: str
    header: str | None = None
    body: str | None = None
    edits: tuple[tuple[str, str], ...] = ()
    volatile: tuple[Pointer, ...] = ()

    def answer(self, step: Step) -> Outcome:
        """Our answer to the step."""
        (recorded,) = step.right_answers[0].frames
        serialize_type, header, body = frame_parts(recorded)
        if self.header is not None:
            header = self.header.encode()
        if self.body is not None:
            body = self.body.encode()
        for old, new in self.edits:
            assert body.count(old.encode()) == 1, f"{old} is not in {step}"
            body = body.replace(old.encode(), new.encode())
        return Outcome((frame(header, body, serialize_type),))


def answer_header(
    opaque: int,
    code: int = 0,
    remark: str | None = None,
    ext_fields: dict[str, str] | None = None,
) -> str:
    """The header of an answer, as the server writes it."""
    members = {
        "code": code,
        "extFields": ext_fields,
        "flag": 1,
        "language": "JAVA",
        "opaque": opaque,
        "remark": remark,
        "serializeTypeCurrentRPC": "JSON",
        "version": 479,
    }
    present = {key: value for key, value in members.items() if value is not None}
    return json.dumps(present, separators=(",", ":"))


def _not_remote(key: str, opaque: int) -> str:
    return answer_header(opaque, 16, f"config '{key}' can not be updated remotely")


_NO_BROKER: Final = '{"brokerAddrTable":{},"clusterAddrTable":{}}'
_BROKER_B: Final = (
    '{"brokerAddrTable":{"broker-b":{"brokerAddrs":{0:"10.0.0.2:10911"},'
    '"brokerName":"broker-b","cluster":"c1","enableActingMaster":false}},'
    '"clusterAddrTable":{"c1":["broker-b"]}}'
)
_CHANGED: Final = {"changed": "true"}
_OPTIONS_BROKER: Final = (
    '{"brokerAddrTable":{"broker-opt":{"brokerAddrs":{0:"127.0.0.1:30010"},'
    '"brokerName":"broker-opt","cluster":"DefaultCluster","enableActingMaster":false}},'
    '"clusterAddrTable":{"DefaultCluster":["broker-opt"]}}'
)
_OPTIONS_VERSION: Final = '{"counter":0,"stateVersion":0,"timestamp":1795421045383}'

DIFFERENCES: Final = (
    # 304 names the first broker by name, or by id within a group.
    Difference("register_many", 18, "9.1", edits=(("10.0.2.11:", "10.0.2.0:"),)),
    Difference("register_many_ids", 12, "9.1", edits=(("10.0.3.16:", "10.0.3.99:"),)),
    # A closed connection takes all its brokers, Java's only the first.
    Difference("channel_shared", 4, "9.3", body=_NO_BROKER),
    Difference("channel_shared", 5, "9.3", body='{"topicList":[]}'),
    # Expiry leaves a connection open on which another broker lives.
    Difference("expiry_shared_connection", 3, "9.3", body=_BROKER_B),
    Difference("expiry_shared_connection", 4, "9.3", body='{"topicList":["T2","T3"]}'),
    # The live entry of a replaced address goes with it.
    Difference(
        "replaced_address", 4, "9.3", answer_header(5, ext_fields=_CHANGED), body=""
    ),
    Difference(
        "replaced_address", 7, "9.3", answer_header(7, ext_fields=_CHANGED), body=""
    ),
    # Only the keys of the list change remotely, and others are named.
    Difference("config_blacklist_and_extra", 2, "9.4", _not_remote("foo", 3)),
    Difference("config_blacklist_and_extra", 3, "9.4", _not_remote("kvConfigPath", 4)),
    Difference("config_blacklist_and_extra", 4, "9.4", _not_remote("someUnknown", 5)),
    Difference(
        "config_blacklist_and_extra",
        5,
        "9.4",
        edits=(("someUnknown=changed", "someUnknown=extra value"),),
    ),
    # A compressed body that is flagged uncompressed is understood.
    Difference("register_compressed", 15, "9.7", answer_header(16, ext_fields={})),
    Difference(
        "register_compressed",
        22,
        "9.7",
        edits=(
            (
                '"b13":{',
                '"b11":{"brokerAddrs":{0:"10.0.1.11:1"},"brokerName":"b11",'
                '"cluster":"c1","enableActingMaster":false},"b13":{',
            ),
            ('["b2",', '["b11","b2",'),
        ),
    ),
    Difference("register_compressed", 23, "9.7", edits=(('"K1",', '"K1","I1","I2",'),)),
    # Cluster-test mode replaces the route query alone, Java every request.
    Difference("route_cluster_test", 1, "9.9", answer_header(2), body=_NO_BROKER),
    Difference("route_cluster_test", 2, "9.9", answer_header(3, ext_fields={})),
    Difference(
        "route_cluster_test",
        3,
        "9.9",
        answer_header(4, 3, " request type 999 not supported"),
    ),
    Difference("route_cluster_test", 4, "9.9", answer_header(5)),
    # A `$ref` is a member like any other, so the data version is one without values.
    Difference(
        "register_input_dialects",
        15,
        "9.12",
        answer_header(16, ext_fields=_CHANGED),
        '{"counter":0,"stateVersion":0,"timestamp":0}',
        volatile=(("body", "timestamp"),),
    ),
    # real/: as above, and what else a broker hears whose compressed body is understood.
    Difference(
        "mqadmin-updateNamesrvConfig-k-kvConfigPath-v-_tmp_x",
        5,
        "9.4",
        _not_remote("kvConfigPath", 0),
    ),
    *(
        Difference(
            "broker-options",
            step,
            "9.7",
            answer_header(opaque, ext_fields={}),
            '{"table":{"MqT2":"broker-a:8"}}',
        )
        for step, opaque in ((1, 0), (5, 4), (15, 16))
    ),
    Difference(
        "broker-options",
        3,
        "9.7",
        answer_header(2, ext_fields={"changed": "false"}),
        _OPTIONS_VERSION,
    ),
    *(
        Difference("broker-options", step, "9.7", body=_OPTIONS_BROKER)
        for step in (7, 9, 17)
    ),
    Difference("broker-options", 13, "9.7", body=_OPTIONS_VERSION),
)


def documented_difference(recording: str, step: int) -> Difference | None:
    """The row about this step, if there is one."""
    for difference in DIFFERENCES:
        if (difference.recording, difference.step) == (recording, step):
            return difference
    return None
