"""A request while it is handled."""

from namesrv._impl import Connection
from namesrv.routing.events import Cause, CauseKind
from namesrv.routing.turns.joined_answers import JoinedAnswers
from namesrv.wire.command import ExtFields, LongBody, RemotingCommand


class Request:
    """One request of a peer, and when it is handled (`now_ms`).

    `ext_fields` are those of the command, empty for none; `cause` goes with every
    event that it puts. `is_http` is true for a request that came as HTTP; HTTP has
    checked its right. `owner` is the connection that carries the brokers which the
    request registers, None for HTTP: a broker without an owner ends by its timeout or
    its unregistration only. `began_nanos` is set when its work begins. A request that
    joined others has its place among their answers. `is_rejected` is set for a
    registration that is dropped though Java answers it as a success, and
    `refused_topic` is the topic of one that was refused for having no other. `digest`
    is that of a registration once it is computed; if the hot path computed it, the
    checksum matched.
    """

    __slots__ = (
        "began_nanos",
        "cause",
        "command",
        "connection",
        "digest",
        "ext_fields",
        "is_http",
        "is_rejected",
        "joined",
        "now_ms",
        "owner",
        "place",
        "refused_topic",
    )

    def __init__(
        self,
        command: RemotingCommand,
        connection: Connection,
        now_ms: int,
        *,
        is_http: bool = False,
        digest: bytes | None = None,
    ) -> None:
        self.command = command
        self.is_http = is_http
        self.connection = connection
        self.now_ms = now_ms
        self.ext_fields: ExtFields = command.ext_fields or {}
        kind = CauseKind.HTTP if is_http else CauseKind.REQUEST
        self.cause = cause_of(connection, kind, command.code)
        self.owner: Connection | None = None if is_http else connection
        self.began_nanos = 0
        self.joined: JoinedAnswers | None = None
        self.place = 0
        self.is_rejected = False
        self.refused_topic: str | None = None
        self.digest = digest

    @property
    def code(self) -> int:
        """The request code."""
        return self.command.code

    @property
    def remote_address(self) -> str:
        """The peer, for logs."""
        return self.connection.remote_address

    def answer(
        self,
        code: int = 0,
        remark: str | None = None,
        *,
        ext_fields: ExtFields | None = None,
        body: bytes | LongBody | None = None,
    ) -> RemotingCommand:
        """The answer to it, as `RemotingCommand.answer` makes it."""
        return self.command.answer(code, remark, ext_fields=ext_fields, body=body)


def cause_of(connection: Connection, kind: CauseKind, request_code: int = 0) -> Cause:
    """A cause with the peer of a connection."""
    peer, socket_address = connection.remote_address, connection.socket_address
    proxy = None if peer == socket_address else socket_address
    return Cause(kind, request_code, peer, proxy)
