"""The objects of a running server that its companions read."""

from typing import TYPE_CHECKING, NamedTuple

from namesrv.options import Options
from namesrv.routing.requests.processor import RequestProcessor
from namesrv.routing.state import RoutingState
from namesrv.server.clock import Clock
from namesrv.server.connections.registry import Connections
from namesrv.server.life.ticks import Ticks
from namesrv.server.logs.audit_log import AuditLog
from namesrv.server.logs.events import EventLog
from namesrv.server.warm_start.schedule import Snapshots

if TYPE_CHECKING:
    from namesrv.server.files.recorder import Recorder
    from namesrv.server.lanes.lanes import LookupLanes


class Inside(NamedTuple):
    """The parts of one server, from its start to its end.

    They belong to the thread of the event loop. Companions read them; a change goes
    through `processor`, so that rights, limits, events and the audit apply.
    """

    options: Options
    state: RoutingState
    processor: RequestProcessor
    connections: Connections
    snapshots: Snapshots
    ticks: Ticks
    clock: Clock
    log: EventLog
    audit_log: AuditLog | None = None
    recorder: "Recorder | None" = None
    lanes: "LookupLanes | None" = None
