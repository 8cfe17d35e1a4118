"""NOTIFY_MIN_BROKER_ID_CHANGE (905), server to brokers (protocol.md section 3.9)."""

import logging
from itertools import islice
from typing import Final

from namesrv.codes import FLAG_ONEWAY, RequestCode, SerializeType
from namesrv.routing.outbox import BURST_OF_BROKERS, LogEvent, Outbox
from namesrv.routing.tables.broker_data import BrokerData
from namesrv.wire.command import ExtFields, RemotingCommand, encode_frame

MOST_NOTIFIED: Final = 128
"""Brokers that are notified of one change, those with the lowest ids. No real group
has so many, and a group of thousands would be notified thousands of times."""


def notify_min_broker_id_change(
    data: BrokerData,
    offline_addr: str | None,
    ha_addr: str | None,
    outbox: Outbox,
) -> None:
    """Notify the brokers of a group of the one that has the lowest id now.

    All of them are notified if one went offline or only one is left; otherwise the new
    lowest one is not. Source: `RouteInfoManager#notifyMinBrokerIdChanged`.
    """
    addrs = data.broker_addrs
    lowest = data.min_broker_id
    if lowest is None:
        return
    ext_fields: ExtFields = {
        "haBrokerAddr": ha_addr,
        "offlineBrokerAddr": offline_addr,
        "minBrokerAddr": addrs[lowest],
        "minBrokerId": str(lowest),
    }
    known = {name: text for name, text in ext_fields.items() if text is not None}
    everybody = offline_addr is not None or len(addrs) == 1
    others = (addr for key, addr in addrs.known() if everybody or key != lowest)
    targets = list(islice(others, MOST_NOTIFIED))
    command = RemotingCommand(
        RequestCode.NOTIFY_MIN_BROKER_ID_CHANGE, flag=FLAG_ONEWAY, ext_fields={**known}
    )
    outbox.notify(targets, encode_frame(command, SerializeType.JSON))
    fields: dict[str, object] = {
        "broker": data.broker_name,
        "id": lowest,
        "address": addrs[lowest],
        "offline": offline_addr,
        "targets": ",".join(targets),
    }
    event = "lowest broker id changed"
    outbox.put(LogEvent(logging.INFO, event, fields, burst=BURST_OF_BROKERS))
