"""What stands around the targets: files of inputs, words, verdicts."""

from pathlib import Path

import pytest

from tests.fuzz.campaign import _outcome, _write_words, read_hex
from tests.fuzz.targets import TARGETS

LOG = """#2 INITED cov: 7 ft: 8 corp: 1/1b exec/s: 0 rss: 60Mb
#300 pulse  cov: 254 ft: 507 corp: 103/3127b lim: 44 exec/s: 0 rss: 69Mb
Done 3000 runs in 5 second(s)
stat::number_of_executed_units: 3000
stat::peak_rss_mb:              69
"""


def test_hex_files_may_have_remarks_and_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.hex"
    path.write_text("# what it did\n00ff\n 61 62\n")
    assert read_hex(path) == b"\x00\xffab"


def test_an_outcome_is_read_from_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(LOG)
    seen = _outcome(log, 0, None)
    assert (seen.inputs, seen.seconds, seen.edges, seen.corpus, seen.peak_mib) == (
        (3000, 5, 254, 103, 69)
    )
    log.write_text("Traceback")
    assert _outcome(log, 77, None).inputs == 0


@pytest.mark.parametrize("name", TARGETS)
def test_words_are_written_for_libfuzzer(tmp_path: Path, name: str) -> None:
    lines = _write_words(tmp_path, TARGETS[name]).read_text().splitlines()
    assert len(lines) == len(TARGETS[name].words)
    for line, word in zip(lines, TARGETS[name].words, strict=True):
        assert bytes.fromhex(line.strip('"').replace("\\x", "")) == word
