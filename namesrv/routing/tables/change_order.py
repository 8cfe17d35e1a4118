"""Broker groups in the order of their last changes."""

from collections.abc import Iterator

from namesrv.routing.tables.broker_data import BrokerData


class ChangeOrder:
    """Finds the groups that changed since some moment without a look at the others."""

    def __init__(self) -> None:
        self._groups: dict[str, BrokerData] = {}
        self._last: BrokerData | None = None

    def note(self, data: BrokerData, change: int) -> None:
        """A group changed; `change` is greater than each before."""
        data.change = change
        # One group often changes many times in a row.
        if data is not self._last:
            self._groups.pop(data.broker_name, None)
            self._groups[data.broker_name] = self._last = data

    def discard(self, broker_name: str) -> None:
        """A group is gone."""
        self._groups.pop(broker_name, None)
        self._last = None

    def since(self, change: int) -> Iterator[BrokerData]:
        """The groups that changed after this number, the last one first."""
        for data in reversed(self._groups.values()):
            if data.change <= change:
                return
            yield data
