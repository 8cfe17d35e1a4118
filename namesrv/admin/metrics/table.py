"""The table of all metrics; docs/metrics.md describes each of them."""

from typing import Final

from namesrv.admin.metrics.subjects import (
    connections,
    files,
    lanes,
    peers,
    process,
    registrations,
    requests,
    routes,
    server,
)

METRICS: Final = (
    *server.METRICS,
    *connections.METRICS,
    *lanes.METRICS,
    *requests.METRICS,
    *routes.METRICS,
    *registrations.METRICS,
    *files.METRICS,
    *peers.METRICS,
    *process.METRICS,
)
