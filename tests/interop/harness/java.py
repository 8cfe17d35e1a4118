"""How a RocketMQ JVM is started."""

from pathlib import Path

from harness.fetch import JAVA_4, Peers

NAMESRV_MAIN = "org.apache.rocketmq.namesrv.NamesrvStartup"
BROKER_MAIN = "org.apache.rocketmq.broker.BrokerStartup"
ADMIN_SHELL_MAIN = "AdminShell"
TRAFFIC_MAIN = "Traffic"
LOOKUPS_MAIN = "Lookups"

SMALL_HEAP = ("-Xms64m", "-Xmx256m")
BROKER_HEAP = ("-Xms128m", "-Xmx512m", "-XX:MaxDirectMemorySize=256m")

# Short-lived JVMs on few cores: no second compiler, no parallel collector.
QUICK_START = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
OPEN_MODULES = (
    "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
    "--add-opens=java.base/jdk.internal.ref=ALL-UNNAMED",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
)

# One small file instead of the dozens of loggers that the jars would configure.
LOGBACK = """\
<configuration>
  <appender name="FILE" class="{package}core.FileAppender">
    <file>{home}/rocketmq.log</file>
    <encoder><pattern>%d %level %logger{{20}} - %m%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="FILE"/></root>
</configuration>
"""
LOGBACK_NAMES = ("broker", "namesrv", "tools")


def java_command(
    peers: Peers,
    version: str,
    main: str,
    home: Path,
    heap: tuple[str, ...] = SMALL_HEAP,
    properties: dict[str, str] | None = None,
) -> list[str]:
    """The argv of `main` with `home` as its ROCKETMQ_HOME and its user's home."""
    logback = _write_logback(version, home)
    temporary = home / "tmp"
    temporary.mkdir(exist_ok=True)
    prefix = "" if version == JAVA_4 else "rmq."
    system_properties = {
        "rocketmq.home.dir": str(home),
        "user.home": str(home),
        "java.io.tmpdir": str(temporary),
        f"{prefix}logback.configurationFile": str(logback),
        "java.net.preferIPv4Stack": "true",
        **(properties or {}),
    }
    return [
        "java",
        *heap,
        *QUICK_START,
        *OPEN_MODULES,
        *(f"-D{name}={value}" for name, value in system_properties.items()),
        "-cp",
        peers.class_path(version),
        main,
    ]


def _write_logback(version: str, home: Path) -> Path:
    """4.9 insists on one file per program in `conf`; 5.x takes any file."""
    package = (
        "ch.qos.logback."
        if version == JAVA_4
        else "org.apache.rocketmq.logging.ch.qos.logback."
    )
    conf = home / "conf"
    conf.mkdir(parents=True, exist_ok=True)
    for name in LOGBACK_NAMES:
        text = LOGBACK.format(package=package, home=home)
        (conf / f"logback_{name}.xml").write_text(text)
    return conf / "logback_broker.xml"
