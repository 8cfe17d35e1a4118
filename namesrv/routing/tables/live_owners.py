"""Which connection carries a live broker: the one that registered it last."""

from namesrv._impl import BrokerLiveInfo, Connection


def change_owner(info: BrokerLiveInfo, former: object) -> None:
    """A live entry has an owner now, and `former` was that until now."""
    if isinstance(info.owner, Connection):
        info.owner.brokers.add(info.key)
    if isinstance(former, Connection) and former is not info.owner:
        former.brokers.lose(info.key)


def lose_owner(info: BrokerLiveInfo) -> None:
    """A live entry is gone."""
    if isinstance(info.owner, Connection):
        info.owner.brokers.lose(info.key)
