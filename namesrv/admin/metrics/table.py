"""The table of all metrics; docs/metrics.md describes each of them."""

from typing import Final

from namesrv.admin.metrics.subjects import process, routes, server

METRICS: Final = (*server.METRICS, *routes.METRICS, *process.METRICS)
