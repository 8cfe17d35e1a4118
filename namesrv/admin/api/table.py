"""All endpoints: the one table, from which routing, documents and tests follow."""

from typing import Final

from namesrv.admin.api.endpoint import Endpoint
from namesrv.admin.api.resources import (
    brokers,
    clusters,
    config,
    connections,
    digest,
    kv,
    routes,
    topics,
    version,
)

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    *version.ENDPOINTS,
    *topics.ENDPOINTS,
    *routes.ENDPOINTS,
    *clusters.ENDPOINTS,
    *brokers.ENDPOINTS,
    *kv.ENDPOINTS,
    *config.ENDPOINTS,
    *connections.ENDPOINTS,
    *digest.ENDPOINTS,
)
