"""The one place that chooses the compiled or the pure-Python hot path.

All or nothing: never built means pure, built but broken raises, and
`NAMESRV_NO_EXTENSIONS` (or `--pure`, which sets it) asks for pure.
`NAMESRV_REQUIRE_EXTENSIONS` refuses to run without the compiled one. Both are off when
they are empty, 0, false, no or off.
"""

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from namesrv.switches import NO_EXTENSIONS, PROBE, REQUIRE_EXTENSIONS, is_on

__all__ = (
    "IMPLEMENTATION",
    "BrokerLiveInfo",
    "BrokerLiveTable",
    "Connection",
    "HotPath",
    "Lookups",
    "RouteAnswers",
    "SetChange",
    "TopicConfigs",
    "TopicQueues",
    "find_topics",
    "give_alike",
    "make_topics",
    "names_of",
    "pack_queues",
    "put_topics",
    "scan_topic_configs",
    "take_answered",
)


def _choose() -> str:
    if is_on(os.environ, NO_EXTENSIONS) or sys.implementation.name != "cpython":
        return "pure"
    try:
        import_module(PROBE)
    except ModuleNotFoundError as exc:
        # Never built is a reason to fall back; built but broken must be seen.
        missing = exc.name in (PROBE, PROBE.rpartition(".")[0])
        if is_on(os.environ, REQUIRE_EXTENSIONS) or not missing:
            raise
        return "pure"
    return "fast"


IMPLEMENTATION = _choose()

if TYPE_CHECKING or IMPLEMENTATION == "pure":
    from namesrv._pure.connection import Connection
    from namesrv._pure.hot_path import HotPath
    from namesrv._pure.live_table import BrokerLiveInfo, BrokerLiveTable
    from namesrv._pure.lookups import Lookups
    from namesrv._pure.route_answers import RouteAnswers
    from namesrv._pure.set_changes import SetChange, give_alike
    from namesrv._pure.topic_configs import TopicConfigs, scan_topic_configs
    from namesrv._pure.topic_queues import (
        TopicQueues,
        find_topics,
        make_topics,
        names_of,
        pack_queues,
        put_topics,
        take_answered,
    )
else:  # the compiled twins
    from namesrv._fast.connection import Connection
    from namesrv._fast.hot_path import HotPath
    from namesrv._fast.live_table import BrokerLiveInfo, BrokerLiveTable
    from namesrv._fast.lookups import Lookups
    from namesrv._fast.route_answers import RouteAnswers
    from namesrv._fast.set_changes import SetChange, give_alike
    from namesrv._fast.topic_configs import TopicConfigs, scan_topic_configs
    from namesrv._fast.topic_queues import (
        TopicQueues,
        find_topics,
        make_topics,
        names_of,
        pack_queues,
        put_topics,
        take_answered,
    )

# The threads of lanes have no twin, and exist on Linux only.
if TYPE_CHECKING:
    from namesrv._fast.lane_census import LaneCensus as LaneCensus
    from namesrv._fast.lanes import LanePeer as LanePeer
    from namesrv._fast.lanes import Lanes as Lanes
elif IMPLEMENTATION == "fast" and find_spec("namesrv._fast.lanes") is not None:
    from namesrv._fast.lane_census import LaneCensus
    from namesrv._fast.lanes import LanePeer, Lanes
else:
    LaneCensus = LanePeer = Lanes = None
