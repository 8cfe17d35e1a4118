"""`/v1/kv`: namespaces, keys, values, and their changes."""

from urllib.parse import urljoin

import pytest

from namesrv.errors import StorageError
from tests.admin.api.asking import Api
from tests.routing.world import RELOAD


@pytest.fixture
def api() -> Api:
    """A server with two namespaces."""
    api = Api(kv_max_value_bytes=200_000)
    for namespace, key, value in (
        ("ns/1", "a", "1"),
        ("ns/1", "b", "zwei €"),
        ("other", "k", ""),
    ):
        fields = {"namespace": namespace, "key": key, "value": value}
        assert api.world.ask(100, fields).code == 0
    return api


def test_namespaces_are_listed_by_name(api: Api) -> None:
    page = api.get("/v1/kv")
    assert page["total"] == 2
    assert page["items"] == [
        {"namespace": "ns/1", "keys": 2, "link": "kv/ns%2F1"},
        {"namespace": "other", "keys": 1, "link": "kv/other"},
    ]
    assert api.pages("/v1/kv?limit=1") == page["items"]
    assert [n["namespace"] for n in api.get("/v1/kv?prefix=o")["items"]] == ["other"]


def test_keys_are_listed_with_their_values(api: Api) -> None:
    page = api.get("/v1/kv/ns%2F1")
    assert page["items"] == [
        {"key": "a", "value": "1"},
        {"key": "b", "value": "zwei €"},
    ]
    assert api.pages("/v1/kv/ns%2F1?limit=1") == page["items"]
    assert api.get("/v1/kv/ns%2F1?prefix=b")["items"] == page["items"][1:]
    assert api.get("/v1/kv/ns%2F1/b") == page["items"][1]
    assert api.get("/v1/kv/other/k") == {"key": "k", "value": ""}


def test_a_page_of_long_values_ends_early(api: Api) -> None:
    for number in range(5):
        path = f"/v1/kv/long/{number}"
        assert api.ask(path, "PUT", {"value": "x" * 190_000}).status == 204
    page = api.get("/v1/kv/long")
    assert [entry["key"] for entry in page["items"]] == ["0", "1"]
    assert len(api.pages("/v1/kv/long")) == 5


def test_a_value_is_stored_and_deleted(api: Api) -> None:
    path = "/v1/kv/new/key%20one"
    assert api.ask(path, "PUT", {"value": "v\x00\n"}).status == 204
    assert api.get(path) == {"key": "key one", "value": "v\x00\n"}
    assert api.world.ask(101, {"namespace": "new", "key": "key one"}).ext_fields == {
        "value": "v\x00\n"
    }
    assert api.ask(path, "DELETE").status == 204
    assert api.ask(path, "DELETE").status == 404


@pytest.mark.parametrize(
    ("path", "similar"),
    [
        ("/v1/kv/othr", ["other"]),
        ("/v1/kv/othr/k", ["other"]),
        ("/v1/kv/other/K", ["k"]),
        ("/v1/kv/ns%2F1/zzz", []),
    ],
)
def test_unknown_names_are_404(api: Api, path: str, similar: list[str]) -> None:
    answer = api.ask(path)
    assert answer.status == 404
    assert answer.json["similar"] == similar


def test_an_unknown_key_has_similar_ones(api: Api) -> None:
    api.ask("/v1/kv/other/timeout", "PUT", {"value": "1"})
    for method in ("GET", "DELETE"):
        answer = api.ask("/v1/kv/other/timeuot", method)
        assert (answer.status, answer.json["similar"]) == (404, ["timeout"])


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"value": 1}, "$.value"),
        ({}, "$.value"),
        ({"value": "x", "more": 1}, "$.more"),
        (b"{", "$"),
        (b"", "$"),
        (b"[" * 100_000, "$"),
        (b'{"value":"\xff"}', "$"),
    ],
)
def test_a_wrong_body_is_400_with_its_path(api: Api, body: object, path: str) -> None:
    answer = api.ask("/v1/kv/n/k", "PUT", body)
    assert answer.status == 400
    assert answer.json["errors"][0]["path"] == path
    assert answer.json["errors"][0]["expected"]


def test_a_body_is_read_by_its_content_type(api: Api) -> None:
    packed = b"\x81\xa5value\xa1v"
    kind = "application/msgpack"
    assert api.ask("/v1/kv/n/k", "PUT", packed, content_type=kind).status == 204
    assert api.get("/v1/kv/n/k")["value"] == "v"
    answer = api.ask("/v1/kv/n/k", "PUT", {"value": "v"}, content_type="text/plain")
    assert answer.status == 415
    assert "text/plain" in answer.json["detail"]


def test_a_body_has_a_limit(api: Api) -> None:
    answer = api.ask("/v1/kv/n/k", "PUT", b" " * (1 << 20) + b"{}")
    assert answer.status == 413
    assert "1048576 bytes" in answer.json["detail"]


def test_a_limit_of_the_table_is_422(api: Api) -> None:
    answer = api.ask("/v1/kv/n/k", "PUT", {"value": "x" * 200_001})
    assert answer.status == 422
    assert "kvMaxValueBytes" in answer.json["detail"]


def test_a_file_that_cannot_be_written_is_503(api: Api) -> None:
    api.world.write_error = StorageError("write", "data/kvConfig.json", "disk full")
    answer = api.ask("/v1/kv/n/k", "PUT", {"value": "v"})
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "5"
    assert "disk full" in answer.json["detail"]
    assert api.ask("/v1/kv/n/k").status == 404


def test_too_many_waiting_changes_are_503(api: Api) -> None:
    api.world.holds_writes = True
    for _ in range(1024):
        api.world.state.kv_config.put("n", "k", "v", RELOAD, lambda error: None)
    answer = api.ask("/v1/kv/n/k", "PUT", {"value": "v"})
    assert answer.status == 503
    assert "the disk is slow" in answer.json["detail"]


def test_a_change_makes_another_tag(api: Api) -> None:
    tag = api.ask("/v1/kv").headers["ETag"]
    assert api.ask("/v1/kv", if_none_match=tag).status == 304
    api.ask("/v1/kv/other/k", "PUT", {"value": ""})
    assert api.ask("/v1/kv", if_none_match=tag).status == 304, "nothing has changed"
    api.ask("/v1/kv/other/k", "PUT", {"value": "other"})
    assert api.ask("/v1/kv", if_none_match=tag).status == 200


@pytest.mark.parametrize("name", [".", ".."])
def test_link_of_a_namespace_with_dots_leads_to_it(api: Api, name: str) -> None:
    api.world.ask(100, {"namespace": name, "key": "k", "value": "v"})
    items = api.get("/v1/kv")["items"]
    (item,) = (i for i in items if i["namespace"] == name)
    (key,) = api.get(urljoin("/v1/kv", item["link"]))["items"]
    assert (key["key"], key["value"]) == ("k", "v")


def test_links_lead_to_the_keys(api: Api) -> None:
    for item in api.get("/v1/kv")["items"]:
        target = urljoin("/v1/kv", item["link"])
        assert api.get(target)["total"] == item["keys"]
