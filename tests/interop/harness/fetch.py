"""The peers themselves: Maven, pip, javac, all below `.cache/peers`."""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

INTEROP = Path(__file__).resolve().parents[1]
CHECKOUT = INTEROP.parents[1]
CACHE = CHECKOUT / ".cache" / "peers"

JAVA_5 = "5.3.3"
JAVA_4 = "4.9.7"
ARTIFACTS = {
    JAVA_5: ("rocketmq-namesrv", "rocketmq-broker", "rocketmq-tools"),
    JAVA_4: ("rocketmq-broker",),
}
TOOLS = {
    "java": "a JDK",
    "javac": "a JDK",
    "mvn": "Maven",
    "haproxy": "HAProxy",
    "openssl": "OpenSSL",
    "promtool": "promtool of Prometheus",
}
PYPI_CLIENT = "rocketmq==0.4.4"

FETCH_SECONDS = 900.0

POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>interop</groupId>
  <artifactId>peers</artifactId>
  <version>1</version>
  <dependencies>
{dependencies}
  </dependencies>
</project>
"""
DEPENDENCY = """\
    <dependency>
      <groupId>org.apache.rocketmq</groupId>
      <artifactId>{artifact}</artifactId>
      <version>{version}</version>
    </dependency>"""


class FetchFailed(Exception):
    """A tool is missing or did not do its work; the message is one sentence."""


@dataclass(frozen=True)
class Peers:
    """Where everything that was fetched lies."""

    folder: Path
    class_paths: dict[str, str]
    python: Path
    haproxy: str
    openssl: str

    def class_path(self, version: str) -> str:
        return self.class_paths[version]


def fetch_peers() -> Peers:
    """Fetch and compile what is not there yet; raises FetchFailed."""
    tools = {tool: find_tool(tool) for tool in TOOLS}
    jars = {version: _fetch_jars(version) for version in ARTIFACTS}
    programs = _compile_programs(jars[JAVA_5])
    return Peers(
        folder=CACHE,
        class_paths={
            JAVA_5: f"{programs}:{jars[JAVA_5]}/*",
            JAVA_4: f"{jars[JAVA_4]}/*",
        },
        python=_fetch_python_client() / "bin" / "python",
        haproxy=tools["haproxy"],
        openssl=tools["openssl"],
    )


def find_tool(tool: str) -> str:
    """The path of one of `TOOLS`; raises FetchFailed."""
    # Debian keeps HAProxy where the path of most users does not lead.
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    found = shutil.which(tool, path=path)
    if found is None:
        raise FetchFailed(
            f"`{tool}` is missing: the interop tests run real peers, install"
            f" {TOOLS[tool]} (Debian: openjdk-17-jdk-headless, maven, haproxy, openssl,"
            " prometheus)"
        )
    return found


def _fetch_jars(version: str) -> Path:
    pom = POM.format(
        dependencies="\n".join(
            DEPENDENCY.format(artifact=artifact, version=version)
            for artifact in ARTIFACTS[version]
        )
    )

    def fill(folder: Path) -> None:
        pom_file = folder / "pom.xml"
        pom_file.write_text(pom)
        _run(
            "Maven",
            ["mvn", "-q", "-B", "-f", str(pom_file)]
            + ["dependency:copy-dependencies", f"-DoutputDirectory={folder}"],
        )

    return _once(f"java-{version}", pom.encode(), fill, "through Maven")


def _compile_programs(jars: Path) -> Path:
    sources = sorted((INTEROP / "java").glob("*.java"))

    def fill(folder: Path) -> None:
        files = [str(source) for source in sources]
        _run(
            "javac",
            ["javac", "-nowarn", "-proc:none", "-cp", f"{jars}/*"]
            + ["-d", str(folder), *files],
        )

    content = b"".join(source.read_bytes() for source in sources)
    return _once("programs", content, fill, "with javac")


def _fetch_python_client() -> Path:
    def fill(folder: Path) -> None:
        try:
            venv.create(folder, with_pip=True)
        except subprocess.CalledProcessError as error:
            raise FetchFailed(
                "`python -m venv` cannot make the environment of the Python client:"
                " install python3-venv"
            ) from error
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        _run("pip", [*pip, "--disable-pip-version-check", PYPI_CLIENT])

    key = f"{PYPI_CLIENT} {sys.version}".encode()
    return _once("python-client", key, fill, "through pip")


def _once(name: str, content: bytes, fill: Callable[[Path], None], how: str) -> Path:
    """The folder that `fill` made of `content`, made again only if that changed.

    A folder counts once its marker is there, so an interrupted fetch is repeated.
    """
    folder = CACHE / f"{name}-{hashlib.sha256(content).hexdigest()[:12]}"
    marker = folder / ".complete"
    if not marker.exists():
        print(f"interop: getting {name} {how} ...", file=sys.stderr, flush=True)
        for outdated in CACHE.glob(f"{name}-*"):
            shutil.rmtree(outdated)
        folder.mkdir(parents=True)
        fill(folder)
        marker.touch()
    return folder


def _run(tool: str, argv: Sequence[str]) -> None:
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=FETCH_SECONDS,
        )
    except subprocess.TimeoutExpired as expired:
        raise FetchFailed(
            f"{tool} did not end within {FETCH_SECONDS:.0f} s: {' '.join(argv)}"
        ) from expired
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        raise FetchFailed(
            f"{tool} failed with exit code {done.returncode}"
            f" ({' '.join(argv)}): {' | '.join(lines[:6])}"
        )
