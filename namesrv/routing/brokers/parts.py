"""The parts of the state that work on brokers needs."""

from typing import NamedTuple

from namesrv.options import Options
from namesrv.routing.events import EventStream
from namesrv.routing.outbox import Outbox
from namesrv.routing.tables.route_tables import RouteTables


class Parts(NamedTuple):
    """The same four objects for every piece of work of one server."""

    tables: RouteTables
    options: Options
    outbox: Outbox
    events: EventStream
