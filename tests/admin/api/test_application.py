"""From a request to its answer: paths, methods, formats, mistakes, ETags."""

from typing import Any

import pytest

from namesrv.admin.api.endpoint import LONGEST_BODY, Call, Endpoint
from namesrv.admin.http.head import CHUNKED
from namesrv.admin.http.messages import Access, HttpAnswer
from namesrv.admin.http.problems import problem
from namesrv.testing.peer import Broker
from tests.admin.api.asking import Api


@pytest.fixture
def api() -> Api:
    """A server with one broker of two topics."""
    api = Api()
    api.register({"Orders": 4, "Bills": 4})
    return api


def test_version_is_json_by_default(api: Api) -> None:
    answer = api.ask("/version")
    assert answer.status == 200
    assert answer.content_type == "application/json"
    assert answer.json["remoting_version"] == 479


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", "application/json"),
        ("application/msgpack", "application/msgpack"),
        ("application/json, application/msgpack", "application/json"),
        ("application/json;q=0.5, application/msgpack", "application/msgpack"),
        ("application/*;q=0.2, text/html", "application/json"),
        ("application/json;q=0, */*", "application/msgpack"),
        ("application/msgpack;q=odd, application/json;q=0.1", "application/json"),
    ],
)
def test_the_header_accept_chooses_the_format(
    api: Api, accept: str, content_type: str
) -> None:
    assert api.ask("/v1/topics", accept=accept).content_type == content_type


def test_other_formats_are_not_acceptable(api: Api) -> None:
    answer = api.ask("/version", accept="text/html")
    assert answer.status == 406
    assert answer.content_type == "application/problem+json"
    assert "text/html" in answer.json["detail"]


def test_an_unknown_path_is_404_with_similar_paths(api: Api) -> None:
    answer = api.ask("/v1/topic")
    assert answer.status == 404
    assert answer.json["similar"] == ["/v1/topics"]
    assert api.guard.rights == [Access.READ]


@pytest.mark.parametrize("path", ["", "*", "/v1/topics/", "//version", "/version/"])
def test_paths_match_exactly(api: Api, path: str) -> None:
    assert api.ask(path).status == 404


def test_another_method_is_405_with_allow(api: Api) -> None:
    answer = api.ask("/v1/topics/Orders", "PATCH")
    assert answer.status == 405
    assert answer.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS"


def test_options_lists_methods_without_cors(api: Api) -> None:
    answer = api.ask("/v1/topics", "OPTIONS", origin="http://elsewhere")
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers == {"Allow": "GET, HEAD, OPTIONS"}


def test_head_is_answered_as_get(api: Api) -> None:
    head, get = api.ask("/v1/topics", "HEAD"), api.ask("/v1/topics")
    assert head.headers == get.headers
    assert head.body == get.body


def test_the_guard_is_asked_for_the_right_of_the_endpoint(api: Api) -> None:
    api.ask("/version")
    api.ask("/v1/topics")
    api.ask("/v1/topics/Orders", "DELETE")
    api.ask("/v1/topics/Orders", "OPTIONS")
    assert api.guard.rights == [
        Access.HEALTH,
        Access.READ,
        Access.WRITE,
        Access.READ,
    ]


def test_a_refusal_of_the_guard_is_the_answer(api: Api) -> None:
    api.guard.answer = problem(401, "no token")
    for target in ("/v1/topics", "/v1/topics?odd=1", "/nowhere"):
        assert api.ask(target).status == 401
    assert api.ask("/v1/topics/Orders", "DELETE").status == 401
    assert "Orders" in api.world.topics


@pytest.mark.parametrize(
    ("method", "target", "length", "status"),
    [
        ("PUT", "/v1/kv/a/b", LONGEST_BODY, None),
        ("PUT", "/v1/kv/a/b", CHUNKED, None),
        ("PUT", "/v1/kv/a/b", LONGEST_BODY + 1, 413),
        ("PATCH", "/v1/kv/a/b", 1, 405),
        ("PUT", "/nowhere", 1, 404),
        ("GET", "/v1/topics", 1, 400),
    ],
)
def test_a_head_alone_is_refused(
    api: Api, method: str, target: str, length: int, status: int | None
) -> None:
    assert api.objection(method, target, length) == status
    api.guard.answer = problem(401, "no token")
    assert api.objection(method, target, length) == 401


def test_a_head_alone_is_refused_for_its_accept(api: Api) -> None:
    broker = "/v1/clusters/c/brokers/b/0"
    assert api.objection("PUT", broker, 1) is None
    assert api.objection("PUT", broker, 1, accept="text/html") == 406


@pytest.mark.parametrize(
    ("query", "path", "phrase"),
    [
        (
            "limit=501",
            "$.limit",
            "limit is '501', expected a whole number from 1 to 500",
        ),
        ("limit=0", "$.limit", "limit is '0', expected a whole number from 1 to 500"),
        ("limit=many", "$.limit", "'many'"),
        ("problem=odd", "$.problem", "'odd', expected one of any, no_master,"),
        ("limit=%ED%A0%81", "$.limit", "limit is '\\ud801', expected a whole number"),
        ("limt=5", "$.limt", "limit"),
        ("topic=x", "$.topic", "no parameter 'topic'"),
    ],
)
def test_a_wrong_parameter_is_400_with_its_path(
    api: Api, query: str, path: str, phrase: str
) -> None:
    answer = api.ask(f"/v1/topics?{query}")
    assert answer.status == 400
    assert answer.content_type == "application/problem+json"
    assert answer.json["errors"][0]["path"] == path
    assert phrase in answer.json["detail"]


@pytest.mark.parametrize(
    ("target", "phrase"),
    [
        ("/v1/topics?limit=5&limit=6", "twice"),
        ("/v1/topics?prefix=%FF", "UTF-8"),
        ("/v1/topics/%C3", "UTF-8"),
        ("/version?x=1", "expected no parameter"),
        ("/v1/topics/Orders?topic=Bills", "no parameter 'topic'"),
        ("/v1/topics?" + "&".join("a" * 100), "limits"),
        ("/v1/topics?prefix=" + "a" * 40_000, "limits"),
    ],
)
def test_an_odd_query_is_400(api: Api, target: str, phrase: str) -> None:
    answer = api.ask(target)
    assert answer.status == 400
    assert phrase in answer.json["detail"]


def test_a_body_is_refused_where_none_is_expected(api: Api) -> None:
    answer = api.ask("/v1/topics", body={"a": 1})
    assert answer.status == 400
    assert "takes no body" in answer.json["detail"]


def test_an_answer_has_a_tag_and_is_not_repeated(api: Api) -> None:
    tag = api.ask("/v1/topics").headers["ETag"]
    again = api.ask("/v1/topics", if_none_match=f'"x", {tag}')
    assert (again.status, again.body) == (304, b"")
    assert again.headers["ETag"] == tag


def test_any_answer_is_known_to_a_client_that_names_none(api: Api) -> None:
    assert api.ask("/v1/topics", if_none_match=" * ").status == 304
    assert api.ask("/version", if_none_match="*").status in (200, 304)
    assert api.ask("/v1/connections", if_none_match="*").status == 200


def test_a_problem_is_compact_json_without_empty_lists(api: Api) -> None:
    answer = api.ask("/nowhere/at/all/zzzz")
    assert answer.body == (
        b'{"title":"Not Found","status":404,'
        b'"detail":"there is no path /nowhere/at/all/zzzz"}'
    )


def test_a_change_makes_another_tag(api: Api) -> None:
    tag = api.ask("/v1/topics").headers["ETag"]
    api.register({"Orders": 8, "Bills": 4})
    again = api.ask("/v1/topics", if_none_match=tag)
    assert again.status == 200
    assert again.headers["ETag"] != tag


def test_another_process_has_other_tags(api: Api) -> None:
    tag = api.ask("/v1/topics").headers["ETag"]
    other = Api(api.world)
    assert other.ask("/v1/topics", if_none_match=tag).status == 200


def test_an_answer_of_two_states_has_no_tag(api: Api) -> None:
    def change() -> None:
        api.between = lambda: None
        api.world.register(Broker("b", addr="10.0.0.2:10911"))

    api.between = change
    answer = api.ask("/v1/topics")
    assert answer.status == 200
    assert "ETag" not in answer.headers


def test_a_mistake_of_ours_is_logged_and_answered_with_500() -> None:
    def handler(call: Call) -> HttpAnswer:
        raise ZeroDivisionError

    def in_steps(call: Call) -> Any:
        yield 1
        raise ZeroDivisionError

    api = Api(
        endpoints=(
            Endpoint("GET", "/a", "", handler),
            Endpoint("GET", "/b", "", in_steps),
        )
    )
    for path in ("/a", "/b"):
        answer = api.ask(path)
        assert answer.status == 500
        assert answer.json["detail"] == "internal error: ZeroDivisionError"
        assert "Traceback" in str(api.world.event("internal error")["error"])


def test_one_method_and_path_is_one_endpoint() -> None:
    endpoint = Endpoint("GET", "/a", "", lambda call: problem(404, ""))
    with pytest.raises(ValueError, match="GET /a"):
        Api(endpoints=(endpoint, endpoint))
