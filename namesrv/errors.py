"""Every exception of namesrv; the type says what happens to whom.

    NamesrvError
    ├── ConnectionFault      the peer broke the protocol: close, without an answer
    │   ├── FrameTooLong, FrameTooShort, HeaderTooLong, SerializeTypeUnknown
    │   ├── HeaderOverLimit, HeaderInvalid
    │   ├── ProxyHeaderInvalid
    │   ├── TlsUnavailable, TlsRequired, TlsBroken
    │   └── ConnectionEnded  the connection is over, whatever else it sent
    ├── RequestFailed        the request failed: answer its `code` and `remark`
    │   ├── BodyInvalid      the request's body cannot be read (code 1)
    │   ├── LimitExceeded    the request brings more than a limit allows (code 1)
    │   └── AccessRefused    the peer may not ask for this (code 16)
    ├── JsonInvalid, PropertiesInvalid      a text cannot be read; position and reason
    ├── AccessKeysInvalid    the file of access keys cannot be read
    ├── StorageError         a file could not be written; nothing was changed
    ├── TlsFilesInvalid      certificate or key cannot be used: keep the old ones
    ├── SnapshotInvalid      a kept route table cannot be read: start without it
    ├── OptionsInvalid       options are wrong: print `mistakes`, exit code 2
    └── StartFailed          the server cannot start: print the sentence, exit code 1

Messages are made here and nowhere else, from the numbers given, so that both
implementations of the hot path say the same.
"""

from collections.abc import Sequence

from namesrv.codes import ResponseCode


class NamesrvError(Exception):
    """Base of all exceptions that namesrv raises on purpose."""


class ConnectionFault(NamesrvError):
    """A peer broke the protocol; it is closed without an answer (section 5.4)."""


class FrameTooLong(ConnectionFault):
    """LEN, read unsigned, is over the limit."""

    def __init__(self, frame_length: int, frame_max_length: int) -> None:
        super().__init__(
            f"frame of {frame_length} bytes is longer than the limit of "
            f"{frame_max_length} bytes"
        )


class FrameTooShort(ConnectionFault):
    """LEN does not even cover the header's length word."""

    def __init__(self, frame_length: int) -> None:
        super().__init__(f"frame of {frame_length} bytes has no room for a header")


class HeaderTooLong(ConnectionFault):
    """The header is said to be longer than the frame that holds it."""

    def __init__(self, header_length: int, frame_length: int) -> None:
        super().__init__(
            f"header of {header_length} bytes does not fit into a frame of "
            f"{frame_length} bytes"
        )


class HeaderOverLimit(ConnectionFault):
    """The header is longer than headers may be; known before the rest has come."""

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
    """A TLS hello came to a server without a TLS context (section 5.2)."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"a TLS connection was tried, and {reason}")


class TlsRequired(ConnectionFault):
    """A plain connection came to a server that demands TLS (section 9.8)."""

    def __init__(self) -> None:
        super().__init__(
            "a connection without TLS was tried, and tls.server.mode is enforcing"
        )


class TlsBroken(ConnectionFault):
    """A TLS handshake failed, or what came after it cannot be decrypted."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"TLS failed: {reason}")


class ConnectionEnded(ConnectionFault):
    """The connection is over: nothing that is left of its input is carried out."""

    def __init__(self) -> None:
        super().__init__("the connection has ended")


class RequestFailed(NamesrvError):
    """A request failed; `code` and `remark` are its answer.

    Stands where Java lets an exception escape its processor (section 2.0, EXC).
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
    """A request brings more than may be kept, or read; answered with code 1.

    `what` says how much it is, `option` where the limit comes from.
    """

    def __init__(self, what: str, limit: int, option: str = "") -> None:
        source = f" ({option})" if option else ""
        super().__init__(f"{what}, the limit is {limit}{source}")


class AccessRefused(RequestFailed):
    """A peer may not ask for this; answered with code 16.

    `reason` is for the log, and may say more than the peer is told.
    """

    def __init__(self, remark: str, reason: str) -> None:
        super().__init__(remark, ResponseCode.NO_PERMISSION)
        self.reason = reason


class JsonInvalid(NamesrvError):
    """A text is not JSON, not even leniently, or a value in it is not what it must be.

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
    """A text of access keys is malformed; `line` counts from 1. Never quotes it."""

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


class TlsFilesInvalid(NamesrvError):
    """Certificate, key or trust store cannot be used; the message is one sentence."""


class OptionsInvalid(NamesrvError):
    """Options are wrong; `mistakes` holds one sentence each. Exit code 2."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


class StartFailed(NamesrvError):
    """The server cannot start; the message is one sentence. Exit code 1."""
