"""Roles of brokers and permissions of queues, as people read them."""

from namesrv.client.bodies import BrokerData
from namesrv.codes import MASTER_ID, PERM_READ, PERM_WRITE


def permission(perm: int) -> str:
    """r and w, or - in their place."""
    return ("r" if perm & PERM_READ else "-") + ("w" if perm & PERM_WRITE else "-")


def role(broker: BrokerData, number: int) -> str:
    """master, slave, or the slave that acts as the master."""
    if number == MASTER_ID:
        return "master"
    if broker.is_acting_master and number == min(broker.addresses):
        return "acting master"
    return "slave"


def master_of(broker: BrokerData) -> str | None:
    """The address of the master; None while there is none."""
    return broker.addresses.get(MASTER_ID)
