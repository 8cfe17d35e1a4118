"""Every exception of namesrv; its type decides how the server reacts.

    NamesrvError
    ├── ConnectionFault      the peer broke the protocol: close, without an answer
    │   ├── FrameTooLong, FrameTooShort, HeaderTooLong, SerializeTypeUnknown
    │   ├── HeaderOverLimit, HeaderInvalid
    │   ├── ProxyHeaderInvalid
    │   ├── TlsUnavailable, TlsRequired, TlsBroken
    │   ├── HttpExpected
    │   └── ConnectionEnded  the connection is over; unread input is dropped
    ├── RequestFailed        the request failed: answer its `code` and `remark`
    │   ├── BodyInvalid      the request's body cannot be read (code 1)
    │   ├── LimitExceeded    the request brings more than a limit allows (code 1)
    │   └── AccessRefused    the peer may not ask for this (code 16)
    ├── HttpRefused          an HTTP request failed: answer its `status` and `detail`
    ├── JsonInvalid, PropertiesInvalid      a text cannot be read; position and reason
    ├── AccessKeysInvalid    the file of access keys cannot be read
    ├── StorageError         a file cannot be read or written; nothing was changed
    ├── TlsFilesInvalid      certificate or key cannot be used: keep the old ones
    ├── SnapshotInvalid      a kept route table cannot be read: start without it
    ├── RecordingInvalid     a file of the recorder cannot be read, or not to its end
    ├── NameServerUnreachable   no NameServer answers: a client's sentence
    │   └── HttpMissing      because it does not speak HTTP
    ├── HttpRejected         a NameServer refused a client's request over HTTP
    ├── AnswerInvalid        an answer to a client cannot be read
    ├── RequestRefused       a NameServer refused a client's request: code and remark
    ├── NotFound             a name that a client asked for is not there
    ├── MomentInvalid        a text is neither a date nor an age
    ├── OutputFailed         standard output takes no more: exit code 1
    ├── OptionsInvalid       options are wrong: print `mistakes`, exit code 2
    └── StartFailed          the server cannot start: print the sentence, exit code 1
        └── PlaceInUse       because another process has its port or directory

Messages are made here and nowhere else, from the numbers given, so that they are equal
in both implementations of the hot path.
"""

from collections.abc import Sequence

from namesrv.codes import ResponseCode


class NamesrvError(Exception):
    """Base of all exceptions that namesrv raises on purpose."""


class ConnectionFault(NamesrvError):
    """A peer broke the protocol; it is closed without an answer (section 5.4)."""


class FrameTooLong(ConnectionFault):
    """A frame exceeds the limit, which includes the four bytes of LEN.

    `frame_length` is LEN, read unsigned: the first four bytes that came.
    """

    def __init__(self, frame_length: int, frame_max_length: int) -> None:
        super().__init__(
            f"frame of {frame_length + 4} bytes is longer than the limit of "
            f"{frame_max_length} bytes"
        )
        self.frame_length = frame_length


class FrameTooShort(ConnectionFault):
    """LEN does not even cover the header's length word."""

    def __init__(self, frame_length: int) -> None:
        super().__init__(
            f"frame of {frame_length + 4} bytes is shorter than the 8 bytes of its two "
            "lengths"
        )


class HeaderTooLong(ConnectionFault):
    """The header's length exceeds the frame that holds it."""

    def __init__(self, header_length: int, frame_length: int) -> None:
        super().__init__(
            f"header of {header_length} bytes is longer than the "
            f"{frame_length - 4} bytes that its frame has for it"
        )


class HeaderOverLimit(ConnectionFault):
    """The header exceeds its limit; raised before the rest of the frame has come."""

    def __init__(self, header_length: int, header_max_bytes: int) -> None:
        super().__init__(
            f"header of {header_length} bytes is longer than the limit of "
            f"{header_max_bytes} bytes (which follows kvMaxValueBytes)"
        )


class SerializeTypeUnknown(ConnectionFault):
    """The header's encoding is neither JSON (0) nor ROCKETMQ (1)."""

    def __init__(self, serialize_type: int) -> None:
        super().__init__(
            f"serialize type {serialize_type} is neither 0 (JSON) nor 1 (ROCKETMQ)"
        )


class HeaderInvalid(ConnectionFault):
    """The header cannot be read."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"header cannot be read: {reason}")


class ProxyHeaderInvalid(ConnectionFault):
    """A PROXY protocol header is malformed or too long (section 5.1)."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"PROXY protocol header cannot be read: {reason}")


class TlsUnavailable(ConnectionFault):
    """A client began TLS, and the server has no TLS context (section 5.2)."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"TLS connection refused: {reason}")


class TlsRequired(ConnectionFault):
    """A client connected without TLS, and the server requires it (section 9.8)."""

    def __init__(self) -> None:
        super().__init__("connection without TLS refused: tls.server.mode is enforcing")


class TlsBroken(ConnectionFault):
    """A TLS handshake failed, or a later record cannot be decrypted."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"TLS failed: {reason}")


class HttpExpected(ConnectionFault):
    """The first bytes are not HTTP, on an address that serves nothing else."""

    def __init__(self) -> None:
        super().__init__("not HTTP, the only protocol of an address of httpBind")


class ConnectionEnded(ConnectionFault):
    """The connection is over: the rest of its input is dropped."""

    def __init__(self) -> None:
        super().__init__("the connection has ended")


class RequestFailed(NamesrvError):
    """A request failed; `code` and `remark` are its answer.

    It takes the place of exceptions that escape Java's processor (section 2.0, EXC).
    """

    def __init__(self, remark: str, code: int = ResponseCode.SYSTEM_ERROR) -> None:
        super().__init__(remark)
        self.code = int(code)
        self.remark = remark


class BodyInvalid(RequestFailed):
    """A request's body cannot be read; answered with code 1."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what} cannot be read: {reason}")


class LimitExceeded(RequestFailed):
    """A request exceeds a limit; answered with code 1.

    `what` is the thing with its size ("name of 300 bytes"); `option` names the limit.
    """

    def __init__(self, what: str, limit: int, option: str = "") -> None:
        source = f" ({option})" if option else ""
        super().__init__(f"{what}, the limit is {limit}{source}")


class AccessRefused(RequestFailed):
    """A peer is not allowed to make this request; answered with code 16.

    `reason` is for the log; the peer gets `remark` only.
    """

    def __init__(self, remark: str, reason: str) -> None:
        super().__init__(remark, ResponseCode.NO_PERMISSION)
        self.reason = reason


class HttpRefused(NamesrvError):
    """An HTTP request failed; `status` and `detail` are its answer, with the members
    `more` and `headers`."""

    def __init__(
        self,
        status: int,
        detail: str,
        *headers: tuple[str, str],
        **more: object,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers
        self.more = more


class JsonInvalid(NamesrvError):
    """A text is not JSON, even for the lenient reader, or a value has a wrong type.

    `position` counts characters from 0; it is None for a value already read.
    """

    def __init__(self, reason: str, position: int | None = None) -> None:
        where = "" if position is None else f" at position {position}"
        super().__init__(reason + where)
        self.position = position


class PropertiesInvalid(NamesrvError):
    """A .properties text has a malformed escape; `line` counts from 1."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(f"line {line}: {reason}")
        self.reason = reason
        self.line = line


class AccessKeysInvalid(NamesrvError):
    """A text of access keys is malformed; `line` counts from 1. Keys are not quoted."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.line = line


class StorageError(NamesrvError):
    """A file could not be read or written; memory and file stay as they were."""

    def __init__(self, action: str, path: str, reason: str) -> None:
        super().__init__(f"cannot {action} {path}: {reason}")
        self.path = path


class SnapshotInvalid(NamesrvError):
    """A kept route table is damaged, cut off or of an unknown version."""


class RecordingInvalid(NamesrvError):
    """A file of the recorder is damaged, cut off or of a newer version."""


class TlsFilesInvalid(NamesrvError):
    """Certificate, key or trust store cannot be used; the message is one sentence."""


class NameServerUnreachable(NamesrvError):
    """No NameServer answers a client; the message names place and remedy."""


class HttpMissing(NameServerUnreachable):
    """A server answers no HTTP, as Java's never does."""

    def __init__(self, server: str) -> None:
        super().__init__(
            f"{server} does not answer HTTP: it is another NameServer than namesrv, or"
            " its option httpAccess is off; name a namesrv with -n HOST:PORT"
        )
        self.server = server


class HttpRejected(NamesrvError):
    """A NameServer answered a client's HTTP request with `status`, which is no
    success; `detail` is its sentence."""

    def __init__(self, server: str, status: int, detail: str) -> None:
        words = " ".join(detail.split())
        super().__init__(f"{server} answered status {status}: {words or 'no reason'}")
        self.server = server
        self.status = status
        self.detail = detail


class AnswerInvalid(NamesrvError):
    """The answer of a server cannot be read."""


class RequestRefused(NamesrvError):
    """A NameServer answered a client's request with `code`, which is no success."""

    def __init__(self, server: str, code: int, remark: str) -> None:
        words = " ".join(remark.split())
        reason = f": {words}" if words else ""
        super().__init__(f"{server} answered code {code}{reason}")
        self.code = code
        self.remark = remark


class NotFound(NamesrvError):
    """A topic, a broker or a key that a client asked for is not there."""


class MomentInvalid(NamesrvError):
    """A text is neither a date nor an age; the message is one sentence."""


class OutputFailed(NamesrvError):
    """Standard output cannot be written, as on a full disk."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"standard output cannot be written: {reason}; the output is incomplete"
        )


class OptionsInvalid(NamesrvError):
    """Options are wrong; `mistakes` holds one sentence each. Exit code 2."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


class StartFailed(NamesrvError):
    """The server cannot start; the message is one sentence. Exit code 1."""


class PlaceInUse(StartFailed):
    """Another process uses the port or the data directory; a retry may succeed."""
