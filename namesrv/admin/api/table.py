"""All endpoints: the one table, from which routing, documents and tests follow."""

from typing import Final

from namesrv.admin.api.endpoint import Endpoint
from namesrv.admin.api.resources import topics, version
from namesrv.admin.brokers import endpoints as brokers
from namesrv.admin.metrics import endpoints as metrics

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    *version.ENDPOINTS,
    *topics.ENDPOINTS,
    *brokers.ENDPOINTS,
    *metrics.ENDPOINTS,
)
