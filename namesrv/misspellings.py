"""Names that are nearly known ones, above all keys that are nearly an option.

An unknown key is kept, as Java keeps it. One that is nearly the name of an option is a
mistake, because the option would silently keep its value.
"""

import re
from collections.abc import Iterable
from typing import Final

_SEPARATORS: Final = re.compile("[^a-z0-9]")
_LONG_NAME: Final = 8
"""In names of this length and more, two wrong characters are allowed."""

JAVA_KEYS: Final = frozenset(
    """notifyMinBrokerIdChangeTimeoutMillis

    clientWorkerThreads clientCallbackExecutorThreads clientOnewaySemaphoreValue
    clientAsyncSemaphoreValue connectTimeoutMillis channelNotActiveInterval
    isScanAvailableNameSrv scanAvailableNameSrv circuitBreakerEnable
    circuitBreakerRecoverSecond circuitBreakerDegradeRuleCount
    circuitBreakerDegradeRuleSecond clientChannelMaxIdleTimeSeconds
    clientSocketSndBufSize clientSocketRcvBufSize clientPooledByteBufAllocatorEnable
    clientCloseSocketIfTimeout useTLS socksProxyConfig disableCallbackExecutor
    disableNettyWorkerGroup maxReconnectIntervalTimeSeconds enableReconnectForGoAway
    enableTransparentRetry

    controllerType controllerThreadPoolNums controllerRequestThreadPoolQueueCapacity
    controllerDLegerGroup controllerDLegerPeers controllerDLegerSelfId mappedFileSize
    controllerStorePath electMasterMaxRetryCount enableElectUncleanMaster
    isProcessReadEvent processReadEvent notifyBrokerRoleChanged
    scanInactiveMasterInterval metricsExporterType metricsGrpcExporterTarget
    metricsGrpcExporterHeader metricGrpcExporterTimeOutInMills
    metricGrpcExporterIntervalInMills metricLoggingExporterIntervalInMills
    metricsPromExporterPort metricsPromExporterHost metricsLabel
    metricsInDelta""".split()
)
"""Keys of Java's file that are no options here: of `NamesrvConfig`, `NettyClientConfig`
and `ControllerConfig`. They are never taken for misspelt ones."""


def meant_name(word: str, names: Iterable[str]) -> str | None:
    """The one of `names` that `word` nearly is, None when it is none of them nearly.

    Case and separators do not count, and of a short name one character more, less,
    different or swapped with its neighbour; of a long one two.
    """
    bare = _bare(word)
    best, nearest = 3, None
    for name in names:
        bare_name = _bare(name)
        allowed = 1 if len(bare_name) < _LONG_NAME else 2
        if abs(len(bare) - len(bare_name)) <= allowed:
            edits = _edits(bare, bare_name)
            if edits <= allowed and edits < best:
                best, nearest = edits, name
    return nearest


def similar_names(word: str, known: Iterable[str], most: int = 1) -> list[str]:
    """Up to `most` of the known names that are similar, the most similar one first."""
    # Imported for a mistake alone: a server without one has no use for it.
    try:
        from difflib import get_close_matches  # noqa: PLC0415
    except OSError:  # There is no descriptor left to read it.
        return []
    return get_close_matches(word, list(known), n=most)


def _bare(word: str) -> str:
    return _SEPARATORS.sub("", word.lower())


def _edits(first: str, second: str) -> int:
    """The number of characters to insert, delete, replace or swap with a neighbour."""
    before: list[int] = []
    above = list(range(len(second) + 1))
    for row, char in enumerate(first, 1):
        line = [row]
        for column, other in enumerate(second, 1):
            cost = min(
                above[column] + 1,
                line[column - 1] + 1,
                above[column - 1] + (char != other),
            )
            is_swap = first[row - 2 : row] == second[column - 2 : column][::-1]
            if row > 1 < column and is_swap:
                cost = min(cost, before[column - 2] + 1)
            line.append(cost)
        before, above = above, line
    return above[-1]
