"""The changes that one registration makes, until they are one event."""

from namesrv._impl import BrokerLiveInfo
from namesrv.routing.events import (
    BrokerChanged,
    BrokerRegistered,
    BrokerReplaced,
    Cause,
    EventStream,
    TopicChanges,
)
from namesrv.wire.headers import RegisterBrokerRequestHeader


class RegistrationChanges:
    """Notes each change where it is made; `put` makes the event, if there was one.

    `topics` are those that changed; `replaces` is the former address of the broker id,
    and `former_ids` are the other ids that its address had.
    """

    def __init__(
        self,
        events: EventStream,
        cause: Cause,
        header: RegisterBrokerRequestHeader,
        broker_id: int,
    ) -> None:
        self._events = events
        self._cause = cause
        self._header = header
        self._broker_id = broker_id
        self._parts: list[str] = []
        self._is_new = False
        self._epoch = 0
        self.topics = TopicChanges()
        self.replaces: str | None = None
        self.former_ids: tuple[int, ...] = ()

    def note(self, part: str) -> None:
        """A part of the broker or its group differs now (`BrokerChanged.parts`)."""
        if part not in self._parts:
            self._parts.append(part)

    def note_live(self, old: BrokerLiveInfo | None, new: BrokerLiveInfo) -> None:
        """A live entry was stored; `old` is the one before it, if there was one."""
        self._epoch = new.epoch
        if old is None:
            self._is_new = True
            return
        pairs = {
            "version": (old.data_version, new.data_version),
            "timeout": (old.heartbeat_timeout_millis, new.heartbeat_timeout_millis),
            "ha address": (old.ha_server_addr, new.ha_server_addr),
            "name": (old.broker_name, new.broker_name),
        }
        for part, (was, now) in pairs.items():
            if was != now:
                self.note(part)
        if old.owner is not new.owner:
            self.note("connection")

    def put_replaced(self, info: BrokerLiveInfo, replaced_by: str | None) -> None:
        """Another broker of the group has the id of a live one, which is removed."""
        self._events.put(
            BrokerReplaced(
                self._events.wall_millis(),
                self._cause,
                info.cluster_name,
                info.broker_name,
                info.broker_addr,
                info.epoch,
                replaced_by,
            )
        )

    def put(self) -> None:
        """Report all of it, if there is anything."""
        header = self._header
        if self._is_new:
            self._events.put(
                BrokerRegistered(
                    self._events.wall_millis(),
                    self._cause,
                    header.cluster_name or "",
                    header.broker_name,
                    header.broker_addr,
                    self._epoch,
                    self._broker_id,
                    header.ha_server_addr,
                    self.replaces,
                    self.topics,
                    None if "address" in self._parts else True,
                    self.former_ids or None,
                )
            )
        elif self._parts or self.topics:
            self._events.put(
                BrokerChanged(
                    self._events.wall_millis(),
                    self._cause,
                    header.cluster_name or "",
                    header.broker_name,
                    header.broker_addr,
                    self._epoch,
                    self._broker_id,
                    tuple(self._parts),
                    self.replaces,
                    self.topics,
                    self.former_ids or None,
                )
            )


def put_new_owner(
    events: EventStream, cause: Cause, info: BrokerLiveInfo, broker_id: int
) -> None:
    """Report that a live broker has registered over another connection, with nothing
    else changed."""
    events.put(
        BrokerChanged(
            events.wall_millis(),
            cause,
            info.cluster_name,
            info.broker_name,
            info.broker_addr,
            info.epoch,
            broker_id,
            ("connection",),
            None,
            TopicChanges(),
        )
    )
