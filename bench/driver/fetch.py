"""The others' servers, fetched once into the cache through Maven and cargo."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.driver.places import CACHE, LOAD_SOURCES, cores
from bench.driver.progress import say

RUST_VERSION = "1.0.0"
RUST_BINARY = "rocketmq-namesrv-rust"
FETCH_SECONDS = 900.0
BUILD_SECONDS = 3600.0

_POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>bench</groupId>
  <artifactId>peers</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.rocketmq</groupId>
      <artifactId>rocketmq-namesrv</artifactId>
      <version>{version}</version>
    </dependency>
  </dependencies>
</project>
"""


class FetchFailed(Exception):
    """A tool is missing or did not do its work; the message is one sentence."""


def build_generators() -> None:
    """Compile bench/load. Raises FetchFailed."""
    _need("make", "make")
    _need(os.environ.get("CC", "cc"), "a C compiler (gcc)")
    _run(["make", "-s", "-C", str(LOAD_SOURCES), f"OUT={CACHE}"], FETCH_SECONDS)


def java_jars(version: str) -> Path:
    """The folder with the jars of one NameServer. Raises FetchFailed."""
    _need("java", "a JDK (openjdk-17-jdk-headless)")
    folder = CACHE / f"java-{version}"
    marker = folder / ".complete"
    if not marker.exists():
        _need("mvn", "Maven (maven)")
        say(f"getting the NameServer {version} through Maven ...")
        folder.mkdir(parents=True, exist_ok=True)
        pom = folder / "pom.xml"
        pom.write_text(_POM.format(version=version))
        copy = ["dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
        _run(["mvn", "-q", "-B", "-f", str(pom), *copy], FETCH_SECONDS)
        marker.touch()
    return folder


def rust_binary() -> Path:
    """rocketmq-rust's NameServer, built once. Raises FetchFailed."""
    root = CACHE / f"rocketmq-namesrv-{RUST_VERSION}"
    binary = root / "bin" / RUST_BINARY
    if not binary.exists():
        _need("cargo", "Rust 1.95 or newer")
        say(
            f"building rocketmq-namesrv {RUST_VERSION} through cargo, takes minutes ..."
        )
        words = ["--version", RUST_VERSION, "--locked", "--root", str(root)]
        _run(["cargo", "install", "-q", "rocketmq-namesrv", *words], BUILD_SECONDS)
    return binary


def _need(tool: str, package: str) -> None:
    if shutil.which(tool) is None:
        raise FetchFailed(f"`{tool}` is missing: install {package}")


def _run(command: Sequence[str], seconds: float) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            # The driver is pinned to one core; a compiler may have all of them.
            preexec_fn=lambda: os.sched_setaffinity(0, set(cores())),
        )
    except subprocess.TimeoutExpired:
        raise FetchFailed(f"{command[0]} did not end within {seconds:.0f} s") from None
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        raise FetchFailed(
            f"{command[0]} failed with exit code {done.returncode}:"
            f" {' | '.join(lines[-6:])}"
        )
