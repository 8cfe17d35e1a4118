"""NameServer: start, serve, drain, stop.

Source: `NamesrvController`, `NamesrvStartup`.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial
from time import perf_counter_ns
from traceback import format_exc
from typing import TYPE_CHECKING, Any, Final

from namesrv.errors import StartFailed, StorageError
from namesrv.options import Options
from namesrv.routing.events import Sink
from namesrv.routing.outbox import (
    AuditEvent,
    FileWrite,
    LogEvent,
    Notification,
    RouteQuery,
)
from namesrv.routing.requests.processor import RequestProcessor
from namesrv.routing.warm_start.draft import KeptRoutes
from namesrv.server.clock import (
    MachineClock,
    monotonic_millis,
    wall_millis,
)
from namesrv.server.connections.drain import wait_for_newer_clients
from namesrv.server.connections.file_limit import (
    connection_limit,
    notified_limit,
    query_limit,
)
from namesrv.server.connections.registry import Connections
from namesrv.server.files.access_keys import AccessKeysFile
from namesrv.server.files.atomic import read
from namesrv.server.files.data_directory import DataDirectory
from namesrv.server.files.http_tokens import read_http_tokens
from namesrv.server.files.kv_config_file import load_kv_config
from namesrv.server.files.set_aside import set_aside
from namesrv.server.files.writers import Writers
from namesrv.server.inside import Inside
from namesrv.server.lanes.accepting import Accepting
from namesrv.server.lanes.lanes import LookupLanes
from namesrv.server.life.effects import Effects
from namesrv.server.life.ending import Ending
from namesrv.server.life.reload import Reload
from namesrv.server.life.ticks import Ticks
from namesrv.server.logs.audit_log import AuditLog
from namesrv.server.logs.change_lines import ChangeLines
from namesrv.server.logs.events import EventLog
from namesrv.server.logs.handlers import reopen_log_file
from namesrv.server.logs.life import log_end, log_start, log_stop
from namesrv.server.outbound.notifier import Notifier
from namesrv.server.outbound.product_cluster import ProductCluster
from namesrv.server.outbound.resolver import Resolver
from namesrv.server.warm_start.files import DiskFiles
from namesrv.server.warm_start.pace import LoopPace
from namesrv.server.warm_start.schedule import Snapshots, WarmStart
from namesrv.wire.damage import damage_of
from namesrv.wire.registration_digest import import_hash

if TYPE_CHECKING:
    from namesrv.server.files.recorder import Recorder

_STOP_SECONDS: Final = 0.6


class NameServer:
    """One server. After the start, `addresses` has the real (host, port) of each
    listener, `http_addresses` those of `httpBind`, `loop_name` the name of the event
    loop, `warm_start` facts of the restored routes, and `inside` the parts that
    companions read."""

    inside: Inside

    def __init__(self, options: Options) -> None:
        self._options = options
        self._log = EventLog()
        self._audit_log = AuditLog(options, self._log)
        self._directory = DataDirectory(options.data_dir)
        self._recorder: Recorder | None = None
        self._tick_timer: asyncio.TimerHandle | None = None
        self.addresses: list[tuple[str, int]] = []
        self.http_addresses: list[tuple[str, int]] = []
        self.loop_name = ""
        self.warm_start: WarmStart | None = None

    async def start(self) -> None:
        """Open files and sockets. Raises StartFailed."""
        loop = asyncio.get_running_loop()
        self.loop_name = type(loop).__module__.partition(".")[0]
        self._stop_wanted = asyncio.Event()
        self._hurry = asyncio.Event()
        self._directory.open()
        if self._directory.warning is not None:
            self._log.log_own(logging.WARNING, self._directory.warning, {})
        try:
            self._build()
            self._accepting.open()
        except BaseException:
            await self._close_recorder()
            await self._audit_log.close(_STOP_SECONDS)
            self._directory.close()
            raise
        self.addresses = self._accepting.addresses
        self.http_addresses = self._accepting.http_addresses
        self._tick()
        log_start(
            self._log,
            self.addresses,
            self.loop_name,
            self.warm_start.text if self.warm_start else "cold",
            self.http_addresses,
            self._lanes.running,
        )

    async def serve(self) -> None:
        """Wait for `request_stop` and the end of the drain."""
        await self._stop_wanted.wait()
        log_stop(self._log, len(self._connections))
        if self._options.enable_shutdown_gracefully:
            await self._drain()

    def request_stop(self) -> None:
        """Stop soon; a second call ends a drain at once. For signal handlers."""
        if self._stop_wanted.is_set():
            self._hurry.set()
        self._stop_wanted.set()

    def reload(self, read_options: Callable[[], Options]) -> None:
        """Reload options, access keys and certificates. For signal handlers."""
        reopen_log_file()
        self._audit_log.reopen_file()
        self._reload.run(read_options)
        self._lanes.show_limits()

    async def stop(self) -> None:
        """Stop accepting, answer all requests read so far, and close everything."""
        self._accepting.close()
        if self._tick_timer is not None:
            self._tick_timer.cancel()
        self._ending.freeze()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                await self._ending.settle()
        self._ending.halt()
        await self._writers.close(_STOP_SECONDS)
        self._connections.close_all()
        deadline_ms = monotonic_millis() + int(_STOP_SECONDS * 1000)
        while len(self._connections) and monotonic_millis() < deadline_ms:
            await asyncio.sleep(0.01)
        self._connections.abort_all()
        await self._notifier.close()
        await self._product_cluster.close()
        await asyncio.sleep(0)
        await self._close_recorder()
        await self._audit_log.close(_STOP_SECONDS)
        if not self._writers.is_busy:
            # Otherwise the lock goes with the process: a late write must not meet
            # those of the next one.
            self._directory.close()
        log_end(self._log)

    def _build(self) -> None:
        self._processor = RequestProcessor(
            self._options, wall_millis, monotonic_millis(), perf_counter_ns
        )
        state = self._state = self._processor.state
        self._access_keys = AccessKeysFile(self._options, state.access, self._log)
        self._access_keys.load()
        if self._options.http_token_file:
            # HTTP reads it again, but a mistake in it shows before a port is open.
            read_http_tokens(self._options.http_token_file)
        self._audit_log.open()
        try:
            load_kv_config(state.kv_config, self._options.kv_config_path)
            self._load_configuration()
        except StorageError as exc:
            raise StartFailed(str(exc)) from None
        self._writers = Writers(self._directory.write, self._flush, self._log)
        resolver = Resolver()
        self._notifier = Notifier(self._log, resolver, notified_limit())
        addresses = self._options.product_namesrv_addr
        self._product_cluster = ProductCluster(
            addresses, resolver, query_limit(), self._flush
        )
        limit = self._connection_limit()
        loop, clock = asyncio.get_running_loop(), MachineClock()
        self._connections = Connections(
            state, self._log, self._flush, limit, loop.call_soon, clock
        )
        lanes = self._lanes = LookupLanes(state, self._connections, self._log)
        self._accepting = Accepting(self._options, self._connections, lanes, self._log)
        self._effects = Effects(
            state.outbox,
            state.events,
            self._connections,
            {
                LogEvent: self._log.put,
                AuditEvent: self._audit_log.put,
                FileWrite: self._writers.changes.submit,
                Notification: self._notifier.put,
                RouteQuery: self._product_cluster.put,
            },
            self._report_failed_sink,
        )
        state.events.add(ChangeLines(self._log.put, lambda: state.outbox.is_debugging))
        self._connections.tls.open()
        self._reload = Reload(
            state, self._log, self._access_keys, self._connections.tls, self._flush
        )
        self._snapshots = Snapshots(
            state,
            KeptRoutes(state),
            DiskFiles(self._log),
            self._writers.routes.submit,
            self._log,
            clock,
            loop.call_later,
            LoopPace(clock),
            can_write=self._directory.can_write,
        )
        self._recorder = self._made_recorder()
        self._ticks = Ticks(
            state,
            self._connections,
            self._snapshots,
            self._flush,
            clock,
            self._after_sweep,
            self._report_failed_part,
            [lanes.tick] + ([] if self._recorder is None else [self._recorder.tick]),
            [lanes.gather],
        )
        self._ending = Ending(
            self._connections,
            self._snapshots,
            self._writers.changes,
            partial(asyncio.sleep, 0),
            self._report_failed_save,
        )
        self.inside = Inside(
            self._options,
            state,
            self._processor,
            self._connections,
            self._snapshots,
            self._ticks,
            clock,
            self._log,
            self._audit_log,
            self._recorder,
            lanes,
        )
        self.warm_start = self._snapshots.load(state.started_ms)
        if self.warm_start:
            # Its brokers repeat registrations, perhaps when no descriptor is free.
            import_hash()
        if self._recorder is not None:
            warning = self._recorder.open()
            if warning is not None:
                self._log.log_own(logging.WARNING, warning, {})
        self._connections.expect_brokers()
        state.refresh_hot_path(state.started_ms)

    async def _close_recorder(self) -> None:
        if self._recorder is not None:
            await self._recorder.close(_STOP_SECONDS)

    def _made_recorder(self) -> "Recorder | None":
        if not self._options.record_dir:
            return None
        # A server without one has nothing of it in memory.
        from namesrv.server.files.recorder import Recorder  # noqa: PLC0415

        return Recorder(self._options, self._state, self._log)

    def _load_configuration(self) -> None:
        """Load the options that remote updates changed. If the file is damaged, the
        sources of the options have left it out, too. Raises StorageError."""
        path = self._options.config_store_path
        data = read(path)
        damage = None if data is None else damage_of(data)
        if damage is not None:
            event = "cannot load the remotely changed options"
            set_aside(path, f"it {damage}", event, self._log)
            data = None
        self._state.configuration.load(data)

    def _connection_limit(self) -> int:
        possible, wanted = connection_limit(), self._options.max_connections
        if wanted > possible:
            fields = {"max_connections": wanted, "possible": possible}
            event = "the limit of open files (ulimit -n) is too low for maxConnections"
            self._log.log_own(logging.WARNING, event, fields)
        return min(wanted or possible, possible)

    async def _drain(self) -> None:
        """Send newer clients away until none is left (section 5.8).

        The listeners are closed first: clients sent away would reconnect here at once.
        """
        self._accepting.close()
        self._state.drain(monotonic_millis())
        fields = {"seconds": self._options.shutdown_wait_time_seconds}
        self._log.log_own(logging.INFO, "draining", fields)
        await wait_for_newer_clients(
            self._connections, self._hurry, self._options.shutdown_wait_time_seconds
        )

    def _tick(self) -> None:
        self._ticks.tick()
        seconds = self._ticks.interval_millis / 1000
        self._tick_timer = asyncio.get_running_loop().call_later(seconds, self._tick)

    def _after_sweep(self) -> None:
        self._log.report_suppressed()
        self._audit_log.report_suppressed()

    def _report_failed_part(self) -> None:
        fields = {"error": format_exc(limit=-2)}
        self._log.log_damped(logging.ERROR, "a part of a tick failed", fields)

    def _report_failed_sink(self, sink: Sink, error: Exception) -> None:
        fields = {"sink": type(sink).__name__, "error": repr(error)}
        self._log.log_damped(logging.ERROR, "a sink of events failed", fields)

    def _report_failed_save(self) -> None:
        fields = {"error": format_exc(limit=-2)}
        self._log.log_own(logging.ERROR, "cannot save the routes", fields)

    def on_loop_error(
        self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]
    ) -> None:
        """Log errors of the system, such as a missing descriptor, without traceback."""
        error = context.get("exception")
        if not isinstance(error, OSError):
            loop.default_exception_handler(context)
            return
        fields = {"what": context["message"], "reason": str(error)}
        event = "system error in the event loop"
        self._log.log_damped(logging.WARNING, event, fields)

    def _flush(self) -> None:
        """Carry out the effects in the state's outbox."""
        self._effects.flush()
