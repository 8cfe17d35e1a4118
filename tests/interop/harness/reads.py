"""Every read request of protocol.md chapter 2, sent to two servers."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.answers import difference
from harness.json_text import parse, to_python
from harness.nameserver import NameServer
from harness.view import View
from namesrv.testing.peer import NEWEST, Request

UNKNOWN = "NobodyKnowsThis"
ZONE = "zone/1"
ORDER_NAMESPACE = "ORDER_TOPIC_CONFIG"
LAST_LEGACY = 400
"""The last MQVersion that gets the legacy dialect."""

WITHOUT_FIELDS = (106, 206, 304, 311, 312, 313)


@dataclass
class Names:
    """Every name that was ever seen, so that what is gone is asked for, too."""

    topics: set[str] = field(default_factory=lambda: {UNKNOWN})
    clusters: set[str] = field(default_factory=lambda: {UNKNOWN})
    brokers: set[str] = field(default_factory=lambda: {UNKNOWN})
    keys: dict[str, set[str]] = field(
        default_factory=lambda: {ORDER_NAMESPACE: {UNKNOWN}, UNKNOWN: {UNKNOWN}}
    )

    def learn(self, view: View) -> None:
        topics = view.topics()
        self.topics |= topics
        self.keys[ORDER_NAMESPACE] |= topics
        self.clusters |= set(view.clusters())
        self.brokers |= set(view.brokers())


def read_requests(names: Names) -> Iterator[Request]:
    """All read requests, with every name, in both dialects of route answers."""
    for code in WITHOUT_FIELDS:
        yield Request(code)
    for topic in sorted(names.topics):
        yield Request(105, {"topic": topic}, version=NEWEST)
        yield Request(105, {"topic": topic}, version=LAST_LEGACY)
        standard = {"topic": topic, "acceptStandardJsonOnly": "true"}
        yield Request(105, standard, version=LAST_LEGACY)
        in_zone = {"topic": topic, "__ZONE_MODE": "true", "__ZONE_NAME": ZONE}
        yield Request(105, in_zone, version=NEWEST)
    for cluster in sorted(names.clusters):
        yield Request(224, {"cluster": cluster})
        for broker in sorted(names.brokers):
            yield Request(901, {"clusterName": cluster, "brokerName": broker})
    for namespace, keys in sorted(names.keys.items()):
        yield Request(219, {"namespace": namespace})
        for key in sorted(keys):
            yield Request(101, {"namespace": namespace, "key": key})


def differences(ours: NameServer, java: NameServer, names: Names) -> list[str]:
    """Ask both everything once; a text per difference, empty if there is none."""
    with View(ours) as our_view, View(java) as java_view:
        names.learn(our_view)
        names.learn(java_view)
        found = []
        for request in read_requests(names):
            answer = our_view.ask(request), java_view.ask(request)
            if text := difference(request, *answer):
                found.append(text)
        return found + list(_wrong_system_address(our_view))


def _wrong_system_address(view: View) -> Iterator[str]:
    """304's `brokerAddr` may be any broker's, but a live broker's it must be."""
    body = to_python(parse(view.ask(Request(304)).body.decode()))
    addresses = {
        address for group in view.brokers().values() for address in group.values()
    }
    if addresses and body.get("brokerAddr") not in addresses:
        yield (
            f"request 304: brokerAddr {body.get('brokerAddr')!r}"
            f" is none of {sorted(addresses)}"
        )
