"""The same brokers register with our server and with Java's; answers must be equal.

The tests are the steps of one story, in this order: each changes something and then
sends every read request to both servers.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from harness.broker import BrokerIdentity, JavaBroker
from harness.fetch import JAVA_4, JAVA_5
from harness.fleet import Fleet, wait_for_brokers
from harness.mirror import Mirror
from harness.reads import UNKNOWN, ZONE

CLUSTER = "InteropCluster"
SYSTEM_TOPIC = "TBW102"

READ = 4
READ_WRITE = 6

NAMESRV = {
    "supportActingMaster": "true",
    "orderMessageEnable": "true",
    "scanNotActiveBrokerInterval": "1000",
}
ACTING = {"enableSlaveActingMaster": "true"}
# The newer requests: heartbeats by 904 and member groups by 901.
NEW_REQUESTS = {"compatibleWithOldNameSrv": "false"}

# Only 4.9 says truly that its registrations are compressed.
COMPRESSED = {"compressedRegister": "true"}

# Broker name -> (version, zone, options of the master, options of the slave).
GROUPS: dict[str, tuple[str, str, dict[str, str], dict[str, str]]] = {
    "broker-old": (JAVA_4, "", COMPRESSED, {}),
    "broker-new": (JAVA_5, ZONE, {}, {}),
    "broker-acting": (JAVA_5, "", ACTING, ACTING | NEW_REQUESTS),
}
NEW_GROUPS = ("broker-new", "broker-acting")


@dataclass
class Story:
    mirror: Mirror
    masters: dict[str, JavaBroker] = field(default_factory=dict)
    slaves: dict[str, JavaBroker] = field(default_factory=dict)

    def start(self, group: str, broker_id: int) -> JavaBroker:
        version, zone, *options = GROUPS[group]
        identity = BrokerIdentity(
            CLUSTER, group, broker_id, version, options[broker_id], zone
        )
        return self.mirror.fleet.broker(identity, self.mirror.servers)

    def wait_for_brokers(self, *groups: dict[str, JavaBroker]) -> None:
        """Until both servers know these brokers and no others."""
        brokers = [broker for group in groups for broker in group.values()]
        wait_for_brokers(self.mirror.servers, brokers)

    def wait_for_topic(self, topic: str, *brokers: str) -> None:
        wanted = set(brokers or GROUPS)
        self.mirror.wait_for(
            lambda view: set(view.permissions(topic)) == wanted,
            f"topic {topic} on {sorted(wanted)}",
        )

    def wait_for_permissions(self, topic: str, wanted: dict[str, int]) -> None:
        self.mirror.wait_for(
            lambda view: view.permissions(topic) == wanted,
            f"topic {topic} with permissions {wanted}",
        )


@pytest.fixture(scope="module")
def story(new_fleet: Callable[[str], Fleet]) -> Story:
    fleet = new_fleet("same-answers")
    ours = fleet.our_server("ours", NAMESRV)
    java = fleet.java_server("java", NAMESRV)
    mqadmin = fleet.mqadmin()
    ours.finish_start()
    java.finish_start()
    return Story(Mirror(fleet, ours, java, mqadmin))


def test_empty_servers(story: Story) -> None:
    story.mirror.assert_same()


def test_new_masters_register(story: Story) -> None:
    story.masters = {group: story.start(group, 0) for group in NEW_GROUPS}
    story.wait_for_brokers(story.masters)
    story.wait_for_topic(SYSTEM_TOPIC, *NEW_GROUPS)
    story.mirror.wait_for(
        lambda view: ZONE in str(view.route("broker-new")),
        f"broker-new in zone {ZONE}",
    )
    story.mirror.assert_same()


def test_static_topic_is_created(story: Story) -> None:
    """Before the old broker comes: mqadmin asks all brokers what 4.9 does not know."""
    brokers = ",".join(NEW_GROUPS)
    printed = story.mirror.admin(f"updateStaticTopic -b {brokers} -t Static -qn 5")
    assert "Exception" not in printed, printed
    story.wait_for_topic("Static", *NEW_GROUPS)
    story.mirror.wait_for(
        lambda view: (
            set((view.route("Static") or {}).get("topicQueueMappingByBroker", ()))
            == set(NEW_GROUPS)
        ),
        f"the static topic's mappings of {NEW_GROUPS}",
    )
    story.mirror.assert_same()


def test_old_master_registers(story: Story) -> None:
    story.masters["broker-old"] = story.start("broker-old", 0)
    story.wait_for_brokers(story.masters)
    story.wait_for_topic(SYSTEM_TOPIC)
    story.mirror.assert_same()


def test_topic_is_created(story: Story) -> None:
    printed = story.mirror.admin(f"updateTopic -c {CLUSTER} -t Plain -r 4 -w 2")
    assert printed.count("success") == len(GROUPS), printed
    story.wait_for_topic("Plain")
    story.mirror.assert_same()


def test_ordered_topic_is_created(story: Story) -> None:
    printed = story.mirror.admin(f"updateTopic -c {CLUSTER} -t Ordered -o true")
    assert "set cluster orderConf" in printed, printed
    story.mirror.wait_for(
        lambda view: "orderTopicConf" in (view.route("Ordered") or {}),
        "an order configuration in the route of Ordered",
    )
    story.wait_for_topic("Ordered")
    story.mirror.assert_same()


def test_ordered_topic_of_one_broker_is_created(story: Story) -> None:
    address = story.masters["broker-new"].address
    story.mirror.admin(f"updateTopic -b {address} -t OrderedOnOne -o true")
    story.wait_for_topic("OrderedOnOne", "broker-new")
    story.mirror.assert_same()


def test_unit_topics_are_created(story: Story) -> None:
    story.mirror.admin(f"updateTopic -c {CLUSTER} -t Unit -u true")
    story.mirror.admin(f"updateTopic -c {CLUSTER} -t UnitSub -s true")
    story.mirror.admin(f"updateTopic -c {CLUSTER} -t UnitBoth -u true -s true")
    for topic in ("Unit", "UnitSub", "UnitBoth"):
        story.wait_for_topic(topic)
    story.mirror.assert_same()


def test_write_permission_is_wiped(story: Story) -> None:
    printed = story.mirror.admin("wipeWritePerm -b broker-new")
    counts = {line.rpartition(" ")[2] for line in printed.splitlines()}
    assert printed.count(" OK, ") == 2 and len(counts) == 1, printed
    wanted = dict.fromkeys(GROUPS, READ_WRITE) | {"broker-new": READ}
    story.wait_for_permissions("Plain", wanted)
    story.mirror.assert_same()


def test_write_permission_is_added(story: Story) -> None:
    printed = story.mirror.admin("addWritePerm -b broker-new")
    counts = {line.rpartition(" ")[2] for line in printed.splitlines()}
    assert printed.count(" OK, ") == 2 and len(counts) == 1, printed
    story.wait_for_permissions("Plain", dict.fromkeys(GROUPS, READ_WRITE))
    story.mirror.assert_same()


def test_topic_is_deleted(story: Story) -> None:
    story.mirror.admin(f"updateTopic -c {CLUSTER} -t Doomed")
    story.wait_for_topic("Doomed")
    story.mirror.assert_same()
    story.mirror.admin(f"deleteTopic -c {CLUSTER} -t Doomed")
    story.mirror.wait_for(lambda view: "Doomed" not in view.topics(), "no topic Doomed")
    story.mirror.assert_same()


def test_kv_entries_are_put(story: Story) -> None:
    entries = {"plain": "value", "slash": "a/b", "键": "值😀", "quote": '"\\'}
    story.mirror.names.keys["InteropSpace"] = {*entries, UNKNOWN}
    for key, value in entries.items():
        story.mirror.mqadmin.run(
            *("updateKvConfig", "-n", story.mirror.addresses),
            *("-s", "InteropSpace", "-k", key, "-v", value),
        )
    story.mirror.assert_same()


def test_kv_entries_are_deleted(story: Story) -> None:
    for key in ("slash", "键"):
        story.mirror.admin(f"deleteKvConfig -s InteropSpace -k {key}")
    story.mirror.assert_same()
    for key in ("plain", "quote"):
        story.mirror.admin(f"deleteKvConfig -s InteropSpace -k {key}")
    story.mirror.assert_same()


def test_slaves_join(story: Story) -> None:
    story.slaves = {group: story.start(group, 1) for group in GROUPS}
    story.wait_for_brokers(story.masters, story.slaves)
    story.mirror.assert_same()


def test_masters_die(story: Story) -> None:
    """Two are killed (their connections close), one falls silent (it expires)."""
    story.masters["broker-acting"].process.freeze()
    story.masters["broker-old"].process.kill()
    story.masters["broker-new"].process.kill()
    story.wait_for_brokers(story.slaves)
    acting = story.slaves["broker-acting"].address
    story.mirror.wait_for(
        lambda view: any(
            data["brokerAddrs"] == {"0": acting}
            for data in (view.route("Plain") or {"brokerDatas": []})["brokerDatas"]
        ),
        f"the slave {acting} acting as the master of broker-acting",
    )
    story.mirror.assert_same()


def test_masters_return(story: Story) -> None:
    story.masters["broker-acting"].process.thaw()
    story.masters["broker-old"].start()
    story.masters["broker-new"].start()
    story.wait_for_brokers(story.masters, story.slaves)
    story.wait_for_permissions("Plain", dict.fromkeys(GROUPS, READ_WRITE))
    story.mirror.assert_same()


def test_all_brokers_stop(story: Story) -> None:
    brokers = [*story.slaves.values(), *story.masters.values()]
    for broker in brokers:
        broker.process.terminate()
    for broker in brokers:
        broker.process.stop()
    story.wait_for_brokers()
    story.mirror.wait_for(lambda view: not view.topics(), "no topic")
    story.mirror.assert_same()
