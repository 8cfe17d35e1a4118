"""A Java broker of either version."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.fetch import JAVA_5, Peers
from harness.java import BROKER_HEAP, BROKER_MAIN, java_command
from harness.nameserver import HOST, Addressed
from harness.ports import free_port
from harness.process import Process

BROKER_PORTS = (-2, 0, 1)

SMALL_STORE = {
    "mappedFileSizeCommitLog": "16777216",
    "mappedFileSizeConsumeQueue": "600000",
    "maxIndexNum": "100000",
    "maxHashSlotNum": "100000",
    "flushDiskType": "ASYNC_FLUSH",
    "diskMaxUsedSpaceRatio": "95",
}
# Shortest period that a broker accepts; it re-registers this often.
REGISTER_PERIOD = {"registerNameServerPeriod": "10000"}
_AUTH = "org.apache.rocketmq.auth"
# What a 5.x broker needs for users, and for credentials of its own.
WITH_USERS = {
    "authenticationMetadataProvider": (
        f"{_AUTH}.authentication.provider.LocalAuthenticationMetadataProvider"
    ),
    "authorizationMetadataProvider": (
        f"{_AUTH}.authorization.provider.LocalAuthorizationMetadataProvider"
    ),
}
ONLY_5 = {"bindAddress": HOST, "mappedFileSizeTimerLog": "10485760"}


@dataclass(frozen=True)
class BrokerIdentity:
    """Who a broker is; id 0 is the master of its group. 4.9 knows no `zone`."""

    cluster: str
    name: str
    broker_id: int = 0
    version: str = JAVA_5
    options: dict[str, str] = field(default_factory=dict)
    zone: str = ""
    system_properties: dict[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return f"{self.name}-{self.broker_id}"


class JavaBroker:
    """One broker process; its port and its store outlive a restart."""

    def __init__(
        self,
        identity: BrokerIdentity,
        name_servers: Sequence[Addressed],
        home: Path,
        peers: Peers,
    ) -> None:
        self.identity = identity
        self.home = home
        self.port = free_port(BROKER_PORTS)
        self._name_servers = name_servers
        self._config = home / "broker.conf"
        properties = dict(identity.system_properties)
        if identity.zone:
            properties["rocketmq.zone"] = identity.zone
        command = java_command(
            peers, identity.version, BROKER_MAIN, home, BROKER_HEAP, properties
        )
        argv = [*command, "-c", str(self._config)]
        self.process = Process(identity.label, argv, home)

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def ha_port(self) -> int:
        return self.port + 1

    def start(self) -> None:
        """Start the process; wait for its route, not for this call."""
        lines = [f"{key}={value}\n" for key, value in self._settings().items()]
        self._config.write_text("".join(lines))
        self.process.start()

    def _settings(self) -> dict[str, str]:
        store = self.home / "store"
        identity = self.identity
        addresses = ";".join(server.address for server in self._name_servers)
        return {
            "brokerClusterName": identity.cluster,
            "brokerName": identity.name,
            "brokerId": str(identity.broker_id),
            "brokerRole": "SLAVE" if identity.broker_id else "ASYNC_MASTER",
            "namesrvAddr": addresses,
            "listenPort": str(self.port),
            "haListenPort": str(self.ha_port),
            "brokerIP1": HOST,
            "brokerIP2": HOST,
            "storePathRootDir": str(store),
            "storePathCommitLog": str(store / "commitlog"),
            "autoCreateTopicEnable": "true",
            **SMALL_STORE,
            **REGISTER_PERIOD,
            **(ONLY_5 if identity.version == JAVA_5 else {}),
            **identity.options,
        }
