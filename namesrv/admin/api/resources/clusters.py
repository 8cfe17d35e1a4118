"""`/v1/clusters`: clusters and the number of their brokers."""

from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct

from namesrv.admin.api.answers import respond
from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.api.pages import (
    Made,
    NamedPageParameters,
    Next,
    encoded,
    names_page,
    next_link,
)
from namesrv.admin.api.states import tables_state
from namesrv.admin.http.messages import HttpAnswer
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.work import Cost, Steps, batches

_CLUSTER_UNITS: Final = 10


class Cluster(Struct):
    """One cluster."""

    cluster: Annotated[str, Meta(description="its name")]
    broker_groups: Annotated[int, Meta(description="names of brokers in it")]
    groups_without_master: Annotated[
        int, Meta(description="broker groups without a broker of id 0")
    ]
    brokers: Annotated[int, Meta(description="brokers of all groups, by id")]
    live_brokers: Annotated[
        int, Meta(description="live registrations of brokers in these groups")
    ]
    link: Annotated[str, Meta(description="its groups, relative to this page")]


class Clusters(Struct):
    """A page of clusters, by name."""

    items: Annotated[list[Cluster], Meta(description="the clusters")]
    total: Annotated[int, Meta(description="clusters of the server")]
    next: Next = UNSET


def get_clusters(call: Call) -> Steps[HttpAnswer]:
    """A page of clusters."""
    tables, parameters = call.inside.state.tables, call.parameters

    def make(name: str) -> Made:
        return _cluster(tables, name)

    texts = tables.cluster_names.texts
    found = yield from names_page(texts, parameters, make, _CLUSTER_UNITS)
    total = len(tables.cluster_addr_table)
    page = Clusters(found.items, total, next_link(parameters, found.after))
    return respond(call.request, page)


def _cluster(tables: RouteTables, name: str) -> Steps[Cluster | None]:
    names = tables.cluster_addr_table.get(name)
    if names is None:
        return None
    brokers = live_brokers = without_master = 0
    for some in batches(list(names), Cost.GROUP):
        for broker_name in some:
            data = tables.broker_addr_table.get(broker_name or "")
            if data is None or broker_name is None:
                continue
            brokers += len(data.broker_addrs)
            live_brokers += len(data.live_keys)
            without_master += not data.has_master
        yield len(some) * Cost.GROUP
    return Cluster(
        cluster=name,
        broker_groups=len(names),
        groups_without_master=without_master,
        brokers=brokers,
        live_brokers=live_brokers,
        link=f"brokers?cluster={encoded(name)}",
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/clusters",
        "Clusters by name",
        get_clusters,
        parameters=NamedPageParameters,
        answer=Clusters,
        depends=tables_state,
    ),
)
