"""mqadmin 5.3.3 prints the same with our server as with Java's.

Every command of mqadmin that asks a name server and needs no more than that and a
broker, where it can in the form that succeeds. Not here: those for controllers,
broker containers and files on disk; `producer`, which asks only the broker, about
whoever was connected lately; and what differs on purpose: a key that is no option, or
is black-listed, is refused by 318 in our own words.
"""

import difflib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.broker import WITH_USERS, BrokerIdentity
from harness.fleet import Fleet, wait_for_brokers
from harness.nameserver import NameServer
from harness.world import Command, World

C = Command

CLUSTER = "InteropCluster"
BROKER = "interop-broker"

NAMESRV = {"orderMessageEnable": "true"}
FILES = {
    "topics.json": [
        {"topicName": "ListOne", "readQueueNums": 2, "writeQueueNums": 2, "perm": 6},
        {"topicName": "ListTwo", "readQueueNums": 3, "writeQueueNums": 1, "perm": 4},
    ],
    "groups.json": [{"groupName": "ListGroupOne"}, {"groupName": "ListGroupTwo"}],
}

TOPICS = (
    C("topicList"),
    C("updateTopic -c InteropCluster -t Plain"),
    C("updateTopic -b {broker} -t Small -r 4 -w 2"),
    C("updateTopic -b {broker} -t Ordered -o true"),
    C("updateTopic -c InteropCluster -t OrderedInCluster -o true"),
    C("updateTopic -c InteropCluster -t Unit -u true -s true"),
    C("updateTopicList -c InteropCluster -f {files}/topics.json"),
    C("topicList"),
    C("topicList -c"),
    C("topicRoute -t Plain"),
    C("topicRoute -t Plain -l"),
    C("topicRoute -t Small"),
    C("topicRoute -t Ordered"),
    C("topicRoute -t OrderedInCluster"),
    C("topicRoute -t ListTwo"),
    C("topicRoute -t Nowhere"),
    C("topicStatus -t Plain"),
    C("topicStatus -t Nowhere"),
    C("topicClusterList -t Plain"),
    C("updateTopicPerm -c InteropCluster -t Plain -p 4"),
    C("topicRoute -t Plain"),
    C("updateTopicPerm -b {broker} -t Plain -p 6"),
    C("topicRoute -t Plain"),
    C("allocateMQ -t Plain -i 127.0.0.1,127.0.0.2"),
    C("updateStaticTopic -t Static -qn 4 -c InteropCluster"),
    C("topicRoute -t Static"),
    C("remappingStaticTopic -t Static -c InteropCluster"),
    C("statsAll", measures=True),
    C("statsAll -a", measures=True),
    C("statsAll -t Plain", measures=True),
)
CONFIGURATION = (
    C("updateOrderConf -m put -t Plain -v interop-broker:4"),
    C("updateOrderConf -m get -t Plain"),
    C("topicRoute -t Plain"),
    C("updateOrderConf -m delete -t Plain"),
    C("updateOrderConf -m get -t Plain"),
    C("updateKvConfig -s Space -k key -v value"),
    C("updateKvConfig -s Space -k 键 -v a/值"),
    C("deleteKvConfig -s Space -k key"),
    C("deleteKvConfig -s NoSpace -k key"),
    C("getNamesrvConfig"),
    C("updateNamesrvConfig -k orderMessageEnable -v false"),
    C("getNamesrvConfig"),
    C("topicRoute -t Ordered"),
    C("wipeWritePerm -b interop-broker"),
    C("topicRoute -t Plain"),
    C("addWritePerm -b interop-broker"),
    C("topicRoute -t Plain"),
    C("wipeWritePerm -b nobody"),
    C("addWritePerm -b nobody"),
)
MESSAGES = (
    C("sendMessage -t Plain -p hello -k key1 -c tag1 -b interop-broker -i 0"),
    C("queryMsgById -t Plain -i {message}", measures=True),
    C("queryMsgByKey -t Plain -k key1", measures=True),
    C("queryMsgByUniqueKey -t Plain -i {message}", measures=True),
    C("queryMsgByOffset -t Plain -b interop-broker -i 0 -o 0", measures=True),
    C("queryMsgTraceById -i {message}"),
    C("queryCq -t Plain -q 0 -i 0 -c 1", measures=True),
    C("queryCq -t Plain -q 0 -i 0 -c 1 -b {broker}", measures=True),
    C("sendMsgStatus -b interop-broker -s 10 -c 2", measures=True),
    C("checkMsgSendRT -t Plain -a 2 -s 10", measures=True),
    C("clusterRT -c InteropCluster -a 1 -i 60", measures=True, endless_seconds=3),
    C("printMsg -t ListOne -d true"),
    C("printMsgByQueue -t ListOne -a interop-broker -i 0 -p true -d true"),
    C("consumeMessage -t ListOne -b interop-broker -i 0 -o 0 -c 1"),
    C("topicStatus -t ListOne"),
)
GROUPS = (
    C("updateSubGroup -c InteropCluster -g Group"),
    C("updateSubGroup -b {broker} -g OtherGroup"),
    C("updateSubGroupList -c InteropCluster -f {files}/groups.json"),
    C("setConsumeMode -c InteropCluster -t Plain -g Group -m POP -q 1"),
    C("getConsumerConfig -g Group"),
    C("consumerProgress", measures=True),
    C("consumerProgress -g Group"),
    C("consumerConnection -g Group"),
    C("consumerStatus -g Group"),
    C("producerConnection -g Group -t Plain"),
    C("resetOffsetByTime -g Group -t ListOne -s now"),
    C("resetOffsetByTime -g Group -t ListOne -s -1 -b interop-broker"),
    C("skipAccumulatedMessage -g Group -t ListOne"),
    C("cloneGroupOffset -s Group -d OtherGroup -t Plain -o true"),
    C("brokerConsumeStats -b {broker}"),
    C("deleteSubGroup -c InteropCluster -g OtherGroup -r true"),
    C("deleteSubGroup -c InteropCluster -g NoGroup"),
)
BROKERS = (
    C("clusterList", measures=True),
    C("clusterList -m", measures=True),
    C("clusterList -c InteropCluster", measures=True),
    C("brokerStatus -b {broker}", measures=True),
    C("brokerStatus -c InteropCluster", measures=True),
    C("getBrokerConfig -b {broker}"),
    C("getBrokerConfig -c InteropCluster"),
    C("updateBrokerConfig -c InteropCluster -k longPollingEnable -v true"),
    C("updateBrokerConfig -b {broker} -k longPollingEnable -v true"),
    C("cleanExpiredCQ"),
    C("cleanExpiredCQ -c InteropCluster"),
    C("cleanUnusedTopic"),
    C("cleanUnusedTopic -c InteropCluster"),
    C("deleteExpiredCommitLog"),
    C("deleteExpiredCommitLog -c InteropCluster"),
    C("resetMasterFlushOffset -b {broker} -o 0"),
    C("haStatus -c InteropCluster", measures=True),
    C("haStatus -b {broker}", measures=True),
    C("getBrokerEpoch -c InteropCluster"),
    C("exportMetadata -c InteropCluster -f {files}"),
    C("exportMetadata -b {broker} -t -f {files}"),
    C("exportMetadata -c InteropCluster -g -f {files}"),
    C("exportConfigs -c InteropCluster -f {files}"),
    C("exportMetrics -c InteropCluster -f {files}"),
    C("exportPopRecord -c InteropCluster -d true"),
    C("getColdDataFlowCtrInfo -c InteropCluster"),
    C("updateColdDataFlowCtrGroupConfig -c InteropCluster -g Group -v 10"),
    C("removeColdDataFlowCtrGroupConfig -c InteropCluster -g Group"),
    C("setCommitLogReadAheadMode -c InteropCluster -m 0"),
    C("rocksDBConfigToJson -t topics -c InteropCluster"),
    C("checkRocksdbCqWriteProgress -c InteropCluster"),
)
USERS = (
    C("createUser -c InteropCluster -u alice -p secret"),
    C("updateUser -c InteropCluster -u alice -p secret2"),
    C("getUser -c InteropCluster -u alice"),
    C("listUser -c InteropCluster"),
    C("copyUser -f {broker} -t {broker} -u alice"),
    C("createAcl -c InteropCluster -s User:alice -r Topic:Plain -a Pub -d Allow"),
    C("updateAcl -c InteropCluster -s User:alice -r Topic:Plain -a Sub -d Allow"),
    C("getAcl -c InteropCluster -s User:alice"),
    C("listAcl -c InteropCluster"),
    C("copyAcl -f {broker} -t {broker} -s User:alice"),
    C("deleteAcl -c InteropCluster -s User:alice"),
    C("deleteUser -c InteropCluster -u alice"),
)
END = (
    C("deleteTopic -c InteropCluster -t Small"),
    C("deleteTopic -c nowhere -t Plain"),
    C("topicRoute -t Small"),
    C("topicRoute -t Plain"),
    C("topicList"),
    # It ends at once but goes on in the background: nothing may come after it.
    C("startMonitoring"),
)
COMMANDS = (*TOPICS, *CONFIGURATION, *MESSAGES, *GROUPS, *BROKERS, *USERS, *END)

Outputs = list[list[str]]


def _start_world(fleet: Fleet, server: NameServer) -> World:
    mqadmin = fleet.mqadmin()
    for name, content in FILES.items():
        (mqadmin.home / name).write_text(json.dumps(content))
    server.finish_start()
    identity = BrokerIdentity(CLUSTER, BROKER, options=WITH_USERS)
    return World(server, fleet.broker(identity, (server,)), mqadmin)


def _run_all(world: World) -> Outputs:
    wait_for_brokers((world.server,), (world.broker,))
    return [world.run(command) for command in COMMANDS]


@pytest.fixture(scope="module")
def outputs(new_fleet: Callable[[str], Fleet]) -> tuple[Outputs, Outputs]:
    """What every command printed with our server, and with Java's."""
    our_fleet, java_fleet = new_fleet("mqadmin-ours"), new_fleet("mqadmin-java")
    our_server = our_fleet.our_server("namesrv", NAMESRV)
    java_server = java_fleet.java_server("namesrv", NAMESRV)
    worlds = (
        _start_world(our_fleet, our_server),
        _start_world(java_fleet, java_server),
    )
    with ThreadPoolExecutor(len(worlds)) as pool:
        ours, java = pool.map(_run_all, worlds)
    return ours, java


@pytest.mark.parametrize("index", range(len(COMMANDS)), ids=map(str, COMMANDS))
def test_mqadmin_prints_the_same(index: int, outputs: tuple[Outputs, Outputs]) -> None:
    ours, java = (output[index] for output in outputs)
    if ours != java:
        lines = difflib.unified_diff(java, ours, "java", "ours", n=0, lineterm="")
        pytest.fail(f"`{COMMANDS[index]}` prints\n" + "\n".join(lines), pytrace=False)
