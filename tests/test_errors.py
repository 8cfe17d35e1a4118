"""Every exception says what it is about, and its type says what happens."""

import inspect

import pytest

from namesrv import errors
from namesrv.errors import (
    BodyInvalid,
    ConnectionFault,
    FrameTooLong,
    FrameTooShort,
    HeaderInvalid,
    HeaderTooLong,
    JsonInvalid,
    NamesrvError,
    OptionsInvalid,
    PropertiesInvalid,
    ProxyHeaderInvalid,
    RequestFailed,
    SerializeTypeUnknown,
    StartFailed,
    StorageError,
    TlsBroken,
    TlsRequired,
    TlsUnavailable,
)

CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass)]
EXCEPTIONS = [c for c in CLASSES if issubclass(c, Exception)]


@pytest.mark.parametrize("kind", EXCEPTIONS)
def test_all_are_ours_and_stand_in_the_tree(kind: type[Exception]) -> None:
    assert issubclass(kind, NamesrvError)
    assert kind.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize(
    "fault",
    [
        FrameTooLong(70_000, 65_536),
        FrameTooShort(3),
        HeaderTooLong(10, 5),
        SerializeTypeUnknown(2),
        HeaderInvalid("it is odd"),
        ProxyHeaderInvalid("it is odd"),
        TlsUnavailable("it has none"),
        TlsRequired(),
        TlsBroken("it is odd"),
    ],
)
def test_what_breaks_the_protocol_closes(fault: Exception) -> None:
    assert isinstance(fault, ConnectionFault)
    assert not isinstance(fault, RequestFailed)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            FrameTooLong(70_000, 65_536),
            "frame of 70004 bytes is longer than the limit of 65536 bytes",
        ),
        (
            FrameTooShort(3),
            "frame of 7 bytes is shorter than the 8 bytes of its two lengths",
        ),
        (
            HeaderTooLong(10, 13),
            "header of 10 bytes is longer than the 9 bytes that its frame has for it",
        ),
        (
            SerializeTypeUnknown(7),
            "serialize type 7 is neither 0 (JSON) nor 1 (ROCKETMQ)",
        ),
        (HeaderInvalid("why"), "header cannot be read: why"),
        (ProxyHeaderInvalid("why"), "PROXY protocol header cannot be read: why"),
        (JsonInvalid("why", 3), "why at position 3"),
        (JsonInvalid("why"), "why"),
        (PropertiesInvalid("why", 3), "line 3: why"),
        (StorageError("write", "f", "disk full"), "cannot write f: disk full"),
        (OptionsInvalid(["a", "b"]), "a\nb"),
        (StartFailed("no"), "no"),
    ],
)
def test_messages(error: Exception, message: str) -> None:
    assert str(error) == message


def test_a_failed_request_carries_its_answer() -> None:
    failure = RequestFailed("disable")
    assert (failure.code, failure.remark, str(failure)) == (1, "disable", "disable")
    assert RequestFailed("no", 16).code == 16
    body = BodyInvalid("data version", "it is odd")
    assert isinstance(body, RequestFailed)
    assert (body.code, body.remark) == (1, "data version cannot be read: it is odd")


def test_details_can_be_asked_for() -> None:
    assert JsonInvalid("why", 3).position == 3
    assert JsonInvalid("why").position is None
    assert PropertiesInvalid("why", 3).line == 3
    assert StorageError("write", "f", "full").path == "f"
    assert OptionsInvalid(["a", "b"]).mistakes == ("a", "b")
