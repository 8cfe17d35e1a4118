"""Runs a target in a process of its own, and says what came of it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path
from typing import Final

from tests.fuzz.target import Target

ROOT: Final = Path(__file__).parents[2]
CACHE: Final = ROOT / ".cache" / "fuzz"
REGRESSIONS: Final = Path(__file__).with_name("regressions")
_PROGRESS: Final = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)/")
_DONE: Final = re.compile(r"stat::number_of_executed_units: *(\d+)")
_TOOK: Final = re.compile(r"Done \d+ runs in (\d+) second")
_PEAK: Final = re.compile(r"stat::peak_rss_mb: *(\d+)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run did. `artifact` is the input that failed, if one did."""

    inputs: int
    seconds: int
    edges: int
    corpus: int
    peak_mib: int
    status: int
    artifact: Path | None
    log: Path


def regressions() -> Iterator[tuple[str, bytes]]:
    """Inputs that once failed, by the names of their files."""
    for path in sorted(REGRESSIONS.glob("*.hex")):
        yield path.stem, read_hex(path)


def read_hex(path: Path) -> bytes:
    """Hexadecimal digits; a line that begins with # is a remark."""
    lines = path.read_text(encoding="ascii").splitlines()
    return bytes.fromhex("".join(line for line in lines if not line.startswith("#")))


def run_target(
    target: Target, *, seconds: int | None, runs: int | None, seed: int | None
) -> Outcome:
    """Fuzz for so long, or with so many inputs; the latter from the seeds alone, so
    that it is the same each time."""
    folder = CACHE / target.name
    seeds, corpus = folder / "seeds", folder / ("corpus" if runs is None else "fresh")
    _write_inputs(seeds, [*target.seeds(), *(data for _, data in regressions())])
    if runs is not None:
        shutil.rmtree(corpus, ignore_errors=True)
    corpus.mkdir(exist_ok=True)
    options = [
        f"-artifact_prefix={folder}/failed-",
        f"-max_len={target.max_bytes}",
        f"-dict={_write_words(folder, target)}",
        *("-timeout=30", "-rss_limit_mb=1024", "-print_final_stats=1", "-reload=0"),
        *([] if seed is None else [f"-seed={seed}"]),
        f"-max_total_time={seconds}" if runs is None else f"-runs={runs}",
        *(str(corpus), str(seeds)),
    ]
    for old in folder.glob("failed-*"):
        old.unlink()
    log = folder / "log"
    command = [sys.executable, "-m", "tests.fuzz.engine", target.name, *options]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    with log.open("w") as output:
        status = subprocess.run(
            command, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT, env=environment
        ).returncode
    return _outcome(log, status, next(iter(folder.glob("failed-*")), None))


def _write_inputs(folder: Path, inputs: list[bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for data in inputs:
        (folder / sha1(data).hexdigest()).write_bytes(data)


def _write_words(folder: Path, target: Target) -> Path:
    path = folder / "words"
    escaped = ("".join(f"\\x{byte:02x}" for byte in word) for word in target.words)
    path.write_text("".join(f'"{word}"\n' for word in escaped))
    return path


def _outcome(log: Path, status: int, artifact: Path | None) -> Outcome:
    text = log.read_text(errors="replace")
    progress = _PROGRESS.findall(text)
    edges, _, corpus = progress[-1] if progress else (0, 0, 0)
    inputs, seconds, peak = (
        int(found[-1]) if (found := pattern.findall(text)) else 0
        for pattern in (_DONE, _TOOK, _PEAK)
    )
    return Outcome(
        inputs, seconds, int(edges), int(corpus), peak, status, artifact, log
    )
