"""`/v1/config`: the options, and changes of some of them."""

import pytest

from namesrv.errors import StorageError
from namesrv.options import REMOTE_KEYS
from tests.admin.api.asking import Api


def test_options_are_those_of_319() -> None:
    api = Api(extra={"myPassword": "secret", "note": "a=b\nc=d"})
    options = api.get("/v1/config")["options"]
    lines = "".join(f"{name}={text}\n" for name, text in options.items())
    assert lines.encode() == api.world.ask(319).body
    assert options["listenPort"] == "9876"
    assert options["myPassword"] == "******"


def test_options_are_changed() -> None:
    api = Api()
    changes = {"orderMessageEnable": True, "scanNotActiveBrokerInterval": 1000}
    assert api.ask("/v1/config", "PATCH", changes).status == 204
    options = api.get("/v1/config")["options"]
    assert options["orderMessageEnable"] == "true"
    assert options["scanNotActiveBrokerInterval"] == "1000"
    assert api.world.files["data/namesrv.properties"]


def test_every_option_that_318_may_change_can_be_changed() -> None:
    for name in REMOTE_KEYS:
        api = Api()
        text = api.get("/v1/config")["options"][name]
        value = text == "true" if text in ("true", "false") else int(text)
        assert api.ask("/v1/config", "PATCH", {name: value}).status == 204


@pytest.mark.parametrize(
    ("changes", "phrase"),
    [
        ({"listenPort": 1}, "listenPort"),
        ({"orderMessageEnable": "true"}, "$.orderMessageEnable"),
        ({"scanNotActiveBrokerInterval": 1}, ">= 10"),
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
    assert api.get("/v1/config")["options"]["orderMessageEnable"] == "false"
