"""Requests that wait for a file or for another cluster, and their memory.

Their connections may be gone long before they are answered, so that no budget of
connections counts them.
"""

from sys import getsizeof
from typing import Final

from namesrv.codes import RequestCode
from namesrv.errors import RequestFailed
from namesrv.options import Options
from namesrv.wire.command import RemotingCommand

_SHARE: Final = 4
_REQUEST_BYTES: Final = 2048
"""The objects that wait with a request, its texts not counted."""
_WAITS: Final = frozenset(
    (
        RequestCode.PUT_KV_CONFIG,
        RequestCode.DELETE_KV_CONFIG,
        RequestCode.UPDATE_NAMESRV_CONFIG,
    )
)


class WaitingRequests:
    """Counts waiting requests; `kept_bytes` is their memory, at most a quarter of
    `inputBudgetBytes`, without the last one."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._bytes: dict[int, int] = {}
        self.kept_bytes = 0

    def __len__(self) -> int:
        return len(self._bytes)

    def check(self, command: RemotingCommand) -> None:
        """Raise RequestFailed if waiting requests take too much memory already."""
        if not self._may_wait(command.code):
            return
        limit = self._options.input_budget_bytes // _SHARE
        if self.kept_bytes > limit:
            raise RequestFailed(
                f"requests of {self.kept_bytes} bytes are waiting already, the limit"
                f" is {limit} bytes (a quarter of inputBudgetBytes): ask again later"
            )

    def begin(self, command: RemotingCommand) -> None:
        """A request has to wait: its body goes, unless its answer needs it."""
        if command.code != RequestCode.UPDATE_NAMESRV_CONFIG:
            command.body = None
        kept_bytes = _REQUEST_BYTES + len(command.body or b"")
        for name, value in (command.ext_fields or {}).items():
            kept_bytes += getsizeof(name) + getsizeof(value)
        self._bytes[id(command)] = kept_bytes
        self.kept_bytes += kept_bytes

    def end(self, command: RemotingCommand) -> None:
        """It is answered."""
        self.kept_bytes -= self._bytes.pop(id(command), 0)

    def _may_wait(self, code: int) -> bool:
        is_lookup = code == RequestCode.GET_ROUTEINFO_BY_TOPIC
        return code in _WAITS or (is_lookup and self._options.cluster_test)
