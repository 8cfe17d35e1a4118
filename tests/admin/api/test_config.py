"""`/v1/config`: the options, and changes of some of them."""

import pytest

from namesrv.errors import StorageError
from namesrv.options import REMOTE_KEYS
from tests.admin.api.asking import Api


def test_options_are_those_of_319() -> None:
    api = Api(extra={"myPassword": "secret", "note": "a=b\nc=d"})
    options = api.get("/v1/config")
    lines = "".join(f"{name}={text_of(value)}\n" for name, value in options.items())
    assert lines.encode() == api.world.ask(319).body
    assert options["listenPort"] == 9876
    assert options["myPassword"] == "******"


def text_of(value: bool | int | str) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_a_misspelt_option_has_similar_names() -> None:
    answer = Api().ask("/v1/config", "PATCH", {"orderMessagEnable": True})
    assert answer.json["similar"][0] == "orderMessageEnable"
    assert answer.json["errors"][0]["expected"].startswith("one of ")


def test_options_are_changed() -> None:
    api = Api()
    changes = {"orderMessageEnable": True, "scanNotActiveBrokerInterval": 1000}
    assert api.ask("/v1/config", "PATCH", changes).status == 204
    options = api.get("/v1/config")
    assert options["orderMessageEnable"] is True
    assert options["scanNotActiveBrokerInterval"] == 1000
    assert api.world.files["data/namesrv.properties"]


def test_every_option_that_318_may_change_can_be_changed() -> None:
    for name in REMOTE_KEYS:
        api = Api()
        value = api.get("/v1/config")[name]
        assert api.ask("/v1/config", "PATCH", {name: value}).status == 204


@pytest.mark.parametrize(
    ("changes", "phrase"),
    [
        ({"listenPort": 1}, "option listenPort cannot be changed over HTTP"),
        ({"listenPort": 1}, "and start the server anew"),
        ({"tlsServerCertPath": "x"}, "and reload the server (SIGHUP)"),
        (
            {"orderMessageEnable": "true"},
            "$.orderMessageEnable is 'true', expected true or false",
        ),
        (
            {"scanNotActiveBrokerInterval": 1},
            "$.scanNotActiveBrokerInterval is 1, expected a whole number from 10 to",
        ),
        ({"orderMessagEnable": True}, "there is no member 'orderMessagEnable'"),
        ({}, "changes no option"),
    ],
)
def test_a_wrong_change_is_400(changes: dict[str, object], phrase: str) -> None:
    api = Api()
    answer = api.ask("/v1/config", "PATCH", changes)
    assert answer.status == 400
    assert phrase in answer.json["detail"]
    assert not api.world.files


def test_a_forbidden_change_is_403() -> None:
    api = Api(config_black_list="orderMessageEnable")
    answer = api.ask("/v1/config", "PATCH", {"orderMessageEnable": True})
    assert answer.status == 403
    assert "black list" in answer.json["detail"]


def test_a_file_that_cannot_be_written_is_503() -> None:
    api = Api()
    api.world.write_error = StorageError("write", "x", "disk full")
    answer = api.ask("/v1/config", "PATCH", {"orderMessageEnable": True})
    assert answer.status == 503
    assert api.get("/v1/config")["orderMessageEnable"] is False
