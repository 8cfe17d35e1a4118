"""Registered brokers as HTTP names them.

A broker over HTTP has no connection by which its registrations differ. So each answer
to a PUT names its registration, and a DELETE has to name the last one: a late DELETE,
from before the broker registered again, over HTTP or over a connection, removes
nothing (P1).

The name has the run of the server and the epoch of the live entry. Epochs begin anew
with each run. A broker of a snapshot that was heard from but has not registered again
may be removed by the name that an earlier run gave: no request outlives the run to
which it was sent, because its connection does not.
"""

from namesrv._impl import BrokerLiveInfo
from namesrv.admin.brokers.shapes import BrokerAtAddr
from namesrv.routing.state import RoutingState
from namesrv.routing.tables.route_tables import RouteTables


def live_broker(tables: RouteTables, broker: BrokerAtAddr) -> BrokerLiveInfo | None:
    """The live entry of a broker at its address, None unless its group has it there
    with this id."""
    info = tables.broker_live_table.get(broker.cluster, broker.broker_addr)
    if info is None or info.broker_name != broker.name:
        return None
    data = tables.broker_addr_table.get(broker.name)
    if data is None or data.broker_addrs.get(broker.id) != broker.broker_addr:
        return None
    return info


def registration_of(state: RoutingState, info: BrokerLiveInfo) -> str:
    """The name of the last registration of a live broker."""
    return f"{state.run}-{info.epoch}"


def is_last(state: RoutingState, info: BrokerLiveInfo, registration: str) -> bool:
    """Whether a broker has not registered again since."""
    run = registration.rpartition("-")[0]
    if run == state.run:
        return registration == registration_of(state, info)
    return info.epoch <= state.restored_epoch
