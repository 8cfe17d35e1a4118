"""All endpoints: the one table, from which routing, documents and tests follow."""

from typing import Final

from namesrv.admin.api.documents import with_documents
from namesrv.admin.api.endpoint import Endpoint
from namesrv.admin.api.resources import (
    brokers,
    clusters,
    config,
    connections,
    digest,
    kv,
    missing,
    nsaddr,
    rights,
    routes,
    topics,
    version,
)
from namesrv.admin.brokers import endpoints as registrations
from namesrv.admin.console import endpoints as console
from namesrv.admin.console import node, problems
from namesrv.admin.explain import endpoints as explain
from namesrv.admin.history import endpoints as history
from namesrv.admin.history import stream
from namesrv.admin.metrics import endpoints as metrics
from namesrv.admin.peers import endpoints as peers

_RESOURCES: Final = (
    *version.ENDPOINTS,
    *metrics.ENDPOINTS,
    *topics.ENDPOINTS,
    *routes.ENDPOINTS,
    *clusters.ENDPOINTS,
    *brokers.ENDPOINTS,
    *registrations.ENDPOINTS,
    *kv.ENDPOINTS,
    *config.ENDPOINTS,
    *connections.ENDPOINTS,
    *missing.ENDPOINTS,
    *digest.ENDPOINTS,
    *peers.ENDPOINTS,
    *explain.ENDPOINTS,
    *history.ENDPOINTS,
    *stream.ENDPOINTS,
    *nsaddr.ENDPOINTS,
    *rights.ENDPOINTS,
    *problems.ENDPOINTS,
    *node.ENDPOINTS,
    *console.ENDPOINTS,
)

ENDPOINTS: Final[tuple[Endpoint, ...]] = with_documents(_RESOURCES)
