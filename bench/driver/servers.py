"""The servers that are measured: how each is started and what it takes part in."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.driver.client import HOST
from bench.driver.fetch import FetchFailed, java_jars, rust_binary
from bench.driver.places import BENCH, CACHE, CHECKOUT
from bench.driver.process import ServerProcess, free_port
from bench.driver.progress import say

FRAMES = "frames"
IDLE_SECONDS = 3600
"""Connections that carry the tables' brokers are silent for long."""

UPSTREAM_HEAP = (
    "-Xms2g -Xmx2g -Xmn1g -XX:+UseG1GC -XX:G1HeapRegionSize=16m"
    " -XX:G1ReservePercent=25 -XX:InitiatingHeapOccupancyPercent=30"
)
"""The flags of upstream's runserver.sh, with half of its heap."""
SMALL_HEAP = "-Xms256m -Xmx256m -XX:+UseG1GC"

_LOGBACK = """\
<configuration>
  <appender name="FILE"
      class="org.apache.rocketmq.logging.ch.qos.logback.core.FileAppender">
    <file>{home}/rocketmq.log</file>
    <encoder><pattern>%d %level %logger{{20}} - %m%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="FILE"/></root>
</configuration>
"""
_OPEN_MODULES = (
    "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
    "--add-opens=java.base/jdk.internal.ref=ALL-UNNAMED",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
)


@dataclass(frozen=True)
class Server:
    """One kind of server.

    `command(home, port)` prepares the home directory and gives the words that start
    it. `is_echo` is one that does not know RocketMQ and returns what is in the file
    `frames` of its home; `is_blind` one that leaves opaques alone; `is_jvm` one that
    needs warmth; `most_routes` bounds the (topic, broker) pairs it is filled with.
    """

    name: str
    title: str
    command: Callable[[Path, int], list[str]]
    environment: dict[str, str] = field(default_factory=dict)
    is_ours: bool = False
    is_jvm: bool = False
    is_echo: bool = False
    is_blind: bool = False
    most_routes: int = 10_000_000

    def start(self, home: Path, frames: Path | None = None) -> ServerProcess:
        """Start it in a new `home`, without waiting."""
        home.mkdir(parents=True, exist_ok=True)
        if frames is not None:
            (home / FRAMES).symlink_to(frames)
        port = free_port()
        words = self.command(home, port)
        return ServerProcess(self.name, words, home, port, self.environment)


def _ours(home: Path, port: int) -> list[str]:
    words = ["--bind", HOST, "--port", str(port), "--data-dir", str(home / "data")]
    idle = ["--server-channel-max-idle-time-seconds", str(IDLE_SECONDS)]
    return [sys.executable, "-m", "namesrv", *words, *idle]


OURS_FAST = Server(
    "ours-fast",
    "namesrv, compiled",
    _ours,
    {"PYTHONPATH": str(CHECKOUT), "NAMESRV_REQUIRE_EXTENSIONS": "1"},
    is_ours=True,
)
OURS_PURE = Server(
    "ours-pure",
    "namesrv, pure Python",
    _ours,
    {"PYTHONPATH": str(CHECKOUT), "NAMESRV_NO_EXTENSIONS": "1"},
    is_ours=True,
)


def _python_echo(loop: str) -> Server:
    def command(home: Path, port: int) -> list[str]:
        script = str(BENCH / "servers" / "echo.py")
        return [sys.executable, script, loop, str(port), str(home / FRAMES)]

    return Server(f"{loop}-echo", f"{loop} echo", command, is_echo=True, is_blind=True)


def _c_echo(home: Path, port: int) -> list[str]:
    return [str(CACHE / "echo"), str(port), str(home / FRAMES)]


UVLOOP_ECHO = _python_echo("uvloop")
ASYNCIO_ECHO = _python_echo("asyncio")
C_ECHO = Server("c-echo", "C echo (the generator's limit)", _c_echo, is_echo=True)


def java_server(version: str, heap_name: str, heap: str) -> Server:
    """The Java NameServer. Raises FetchFailed."""
    jars = java_jars(version)

    def command(home: Path, port: int) -> list[str]:
        (home / "logback.xml").write_text(_LOGBACK.format(home=home))
        (home / "tmp").mkdir()
        settings = {
            "rocketmqHome": home,
            "listenPort": port,
            "bindAddress": HOST,
            "kvConfigPath": home / "kvConfig.json",
            "configStorePath": home / "namesrv.properties",
            "serverChannelMaxIdleTimeSeconds": IDLE_SECONDS,
        }
        lines = [f"{key}={value}\n" for key, value in settings.items()]
        (home / "namesrv.conf").write_text("".join(lines))
        properties = {
            "rocketmq.home.dir": home,
            "user.home": home,
            "java.io.tmpdir": home / "tmp",
            "rmq.logback.configurationFile": home / "logback.xml",
            "java.net.preferIPv4Stack": "true",
        }
        defines = [f"-D{key}={value}" for key, value in properties.items()]
        main = "org.apache.rocketmq.namesrv.NamesrvStartup"
        words = ["java", *heap.split(), *_OPEN_MODULES, *defines, "-cp", f"{jars}/*"]
        return [*words, main, "-c", str(home / "namesrv.conf")]

    return Server(
        f"java-{version}-{heap_name}",
        f"Java {version}, {heap_name} heap",
        command,
        is_jvm=True,
        most_routes=1_000_000 if heap == SMALL_HEAP else 10_000_000,
    )


def rust_server() -> Server:
    """rocketmq-rust's NameServer. Raises FetchFailed."""
    binary = rust_binary()

    def command(home: Path, port: int) -> list[str]:
        settings = {
            "rocketmqHome": f'"{home}"',
            "kvConfigPath": f'"{home}/kvConfig.json"',
            "configStorePath": f'"{home}/namesrv.properties"',
            "listenPort": port,
            "bindAddress": f'"{HOST}"',
        }
        lines = [f"{key} = {value}\n" for key, value in settings.items()]
        (home / "ns.toml").write_text("".join(lines))
        return [str(binary), "-c", str(home / "ns.toml"), "--log-filter", "warn"]

    # 600,000 routes take it minutes to learn; it takes part with what is bearable.
    return Server("rocketmq-rust", "rocketmq-rust 1.0.0", command, most_routes=150_000)


def other_servers() -> tuple[list[Server], dict[str, str]]:
    """All that can be had here, and why the others cannot."""
    makers: dict[str, Callable[[], Server]] = {"rocketmq-rust": rust_server}
    for version in ("5.3.3", "5.5.0"):
        for name, heap in (("2g", UPSTREAM_HEAP), ("256m", SMALL_HEAP)):
            makers[f"java-{version}-{name}"] = _maker(version, name, heap)
    found: list[Server] = []
    absent: dict[str, str] = {}
    for name in sorted(makers):
        try:
            found.append(makers[name]())
        except FetchFailed as failure:
            absent[name] = str(failure)
            say(f"{name.upper()} IS ABSENT: {failure}")
    return found, absent


def _maker(version: str, name: str, heap: str) -> Callable[[], Server]:
    return lambda: java_server(version, name, heap)
