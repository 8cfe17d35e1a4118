"""One of each table, behind whichever hot path `namesrv._impl` chose."""

from typing import Any

from namesrv._impl import (
    BrokerLiveInfo,
    BrokerLiveTable,
    Connection,
    HotPath,
    RouteAnswers,
)
from namesrv.wire.bodies import DataVersion

NOW_MS = 10**12  # no small number that Python keeps anyhow


class Server:
    """Routes of "known", a broker ("c", "a"), and a cold path that a script plays."""

    def __init__(self, cold_path: Any = None) -> None:
        self.body = b'{"brokerDatas":[]}' * 10
        self.answers = RouteAnswers(1 << 20)
        self.answers.mark("known")
        for standard in (False, True):
            self.answers.put("known", standard, self.body)
        self.version = DataVersion(10**12, 10**13, 10**14)
        self.info = BrokerLiveInfo("c", "a", "b", 10**12, self.version, None, self)
        self.table = BrokerLiveTable()
        self.table.put(self.info, NOW_MS)
        self.hot = HotPath(self.answers, self.table, cold_path or not_expected, 1 << 24)
        self.hot.hot_codes = 7
        self.connection = self.connect()

    def connect(self) -> Connection:
        return Connection(self.hot, "127.0.0.1:40000")

    def watched(self) -> dict[str, Any]:
        """What every answer looks at."""
        return {
            "the body": self.body,
            "the version": self.version,
            "the broker": self.info,
            "the route answers": self.answers,
            "the live table": self.table,
            "the hot path": self.hot,
            "the connection": self.connection,
        }


def not_expected(*arguments: object) -> bytes:
    raise AssertionError(f"not hot: {arguments}")
