"""The files of the console: served, whole, small, without anything foreign."""

import hashlib
import re
import tomllib
from pathlib import Path
from urllib.parse import urljoin

import pytest

from namesrv.admin.console.files import read_files
from tests.admin.api.asking import Api

FOLDER = Path(__file__).parents[3] / "namesrv/admin/console"
VENDORED = FOLDER / "vendored"
SOURCES = tomllib.loads((VENDORED / "sources.toml").read_text("utf-8"))["file"]
OWN = sorted((FOLDER / "static").iterdir())
SCRIPTS = [path for path in OWN if path.suffix == ".js"]
MOST_BYTES = 60 * 1024


def test_all_files_together_are_small() -> None:
    files = read_files()
    total = sum(len(file.content) for file in files.values())
    sizes = {name: len(file.content) for name, file in files.items()}
    assert total < MOST_BYTES, (total, sizes)


def test_the_page_is_served_with_a_strict_policy() -> None:
    answer = Api().ask("/")
    assert answer.status == 200
    assert answer.content_type == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


def test_a_browser_keeps_files_until_the_server_has_others() -> None:
    api = Api()
    tag = api.ask("/console/main.js").headers["ETag"]
    assert api.ask("/console/main.js", if_none_match=tag).status == 304
    assert Api().ask("/console/main.js", if_none_match=tag).status == 200


@pytest.mark.parametrize("name", ["nothing.js", "sources.toml", "..%2F__init__.py"])
def test_only_files_of_the_pages_are_served(name: str) -> None:
    answer = Api().ask(f"/console/{name}")
    assert answer.status == 404
    assert "the console has no file" in answer.json["detail"]


@pytest.mark.parametrize("place", ["/", "/behind/a/proxy/"])
def test_everything_that_the_page_loads_is_there(place: str) -> None:
    api, seen = Api(), set()
    waiting = [place]
    while waiting:
        address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        assert address.startswith(place)
        answer = api.ask("/" + address.removeprefix(place))
        assert answer.status == 200, address
        text = answer.body.decode()
        links = re.findall(r"""(?:href|src)="(console/[^"]*)\"""", text)
        imports = re.findall(r"""from '(\./[^']*)'""", text)
        waiting += [urljoin(place, link) for link in links]
        waiting += [urljoin(address, link) for link in imports]
    assert {urljoin(place, f"console/{name}") for name in read_files()} <= {
        *seen,
        urljoin(place, "console/index.html"),
    }


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_nothing_comes_from_elsewhere(path: Path) -> None:
    text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
    assert "http://" not in text and "https://" not in text
    assert not re.search(r"""fetch\(['"`]/|(?:href|src)="/""", text)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_makes_code_or_markup_of_text(path: Path) -> None:
    text = path.read_text("utf-8")
    for word in ("eval(", "innerHTML", "dangerouslySetInnerHTML", "new Function"):
        assert word not in text


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source["name"])
def test_a_vendored_file_is_that_of_its_package(source: dict[str, str]) -> None:
    content = (VENDORED / source["name"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == source["sha256"]


def test_every_vendored_file_has_a_source() -> None:
    names = {path.name for path in VENDORED.iterdir()} - {"sources.toml"}
    assert names == {source["name"] for source in SOURCES}
