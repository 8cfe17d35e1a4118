"""What an admin may read and change of the options over the wire."""

import pytest

from namesrv.errors import RequestFailed
from namesrv.option import value_text
from namesrv.option_sources import parse_remote
from namesrv.options import BY_NAME, OPTIONS, REMOTE_KEYS, Options, java_text

# What Java 5.3.3 answers to 319 (protocol.md section 4.3).
JAVA_TEXT = """\
bindAddress=0.0.0.0
clientRequestThreadPoolNums=8
clientRequestThreadPoolQueueCapacity=50000
clusterTest=false
configBlackList=configBlackList;configStorePath;kvConfigPath
configStorePath=~/namesrv/namesrv.properties
defaultThreadPoolNums=16
defaultThreadPoolQueueCapacity=10000
deleteTopicWithBrokerRegistration=false
enableAllTopicList=true
enableControllerInNamesrv=false
enableShutdownGracefully=false
enableTopicList=true
kvConfigPath=~/namesrv/kvConfig.json
listenPort=9876
needWaitForService=false
notifyMinBrokerIdChanged=false
orderMessageEnable=false
productEnvName=center
returnOrderTopicConfigToBroker=true
rocketmqHome=/opt/rocketmq
scanNotActiveBrokerInterval=5000
serverAsyncSemaphoreValue=64
serverCallbackExecutorThreads=0
serverChannelMaxIdleTimeSeconds=120
serverNettyWorkerGroupEnable=true
serverOnewaySemaphoreValue=256
serverPooledByteBufAllocatorEnable=true
serverSelectorThreads=3
serverSocketBacklog=1024
serverSocketRcvBufSize=0
serverSocketSndBufSize=0
serverWorkerThreads=8
shutdownWaitTimeSeconds=30
supportActingMaster=false
unRegisterBrokerQueueCapacity=3000
useEpollNativeSelector=false
waitSecondsForService=45
writeBufferHighWaterMark=0
writeBufferLowWaterMark=0
"""


class TestRemote:
    @pytest.mark.parametrize("name", sorted(REMOTE_KEYS))
    def test_key_of_the_allow_list_is_read(self, name: str) -> None:
        default = BY_NAME[name].default
        assert default is not None
        assert parse_remote(name, value_text(default)) == default

    @pytest.mark.parametrize(
        "name", ["kvConfigPath", "listenPort", "logFile", "nope", ""]
    )
    def test_any_other_key_is_no_permission_and_named(self, name: str) -> None:
        with pytest.raises(RequestFailed) as caught:
            parse_remote(name, "1", {"kvConfigPath"})
        assert caught.value.code == 16
        assert caught.value.remark == f"config {name!r} can not be updated remotely"

    def test_key_on_the_operators_black_list_is_refused_as_java_does(self) -> None:
        with pytest.raises(RequestFailed) as caught:
            parse_remote("orderMessageEnable", "true", {"orderMessageEnable", "foo"})
        assert caught.value.code == 16
        assert caught.value.remark == "Can not update config in black list."

    @pytest.mark.parametrize(
        ("name", "text", "remark"),
        [
            (
                "orderMessageEnable",
                "1",
                "config orderMessageEnable is '1', expected true or false",
            ),
            (
                "waitSecondsForService",
                "soon",
                "config waitSecondsForService is 'soon',"
                " expected a whole number from 0 to 2147483647",
            ),
        ],
    )
    def test_wrong_type_is_code_1_with_what_was_expected(
        self, name: str, text: str, remark: str
    ) -> None:
        with pytest.raises(RequestFailed) as caught:
            parse_remote(name, text)
        assert (caught.value.code, caught.value.remark) == (1, remark)

    def test_long_key_is_cut_in_the_remark(self) -> None:
        with pytest.raises(RequestFailed) as caught:
            parse_remote("k" * 100_000, "1")
        assert len(caught.value.remark) < 200


class TestJavaText:
    def test_is_the_listing_of_the_java_server(self) -> None:
        assert java_text(Options(rocketmq_home="/opt/rocketmq")) == JAVA_TEXT

    def test_leaves_out_what_is_not_set(self) -> None:
        without = JAVA_TEXT.replace("rocketmqHome=/opt/rocketmq\n", "")
        assert java_text(Options()) == without

    def test_has_the_extra_keys_of_the_file_in_their_places(self) -> None:
        # As in the golden transcript config_blacklist_and_extra.
        options = Options(
            config_black_list="orderMessageEnable;foo",
            rocketmq_home="/opt/rocketmq",
            extra={"someUnknown": "extra value", "rocketmqHomeX": "y"},
        )
        lines = JAVA_TEXT.replace(
            "configBlackList=configBlackList;configStorePath;kvConfigPath",
            "configBlackList=orderMessageEnable;foo",
        ).splitlines()
        lines.insert(lines.index("rocketmqHome=/opt/rocketmq") + 1, "rocketmqHomeX=y")
        lines.insert(
            lines.index("shutdownWaitTimeSeconds=30") + 1, "someUnknown=extra value"
        )
        assert java_text(options).splitlines() == lines

    def test_shows_no_value_of_a_key_that_is_called_after_a_secret(self) -> None:
        secret = ["tls.server.keyPassword", "SECRETKEY", "my.token", "accessKey"]
        secret += ["passwd", "innerClientAuthenticationCredentials"]
        harmless = ["tls.server.keyPath", "keys", "accept", "secre"]
        extra = dict.fromkeys(secret + harmless, "value")
        lines = java_text(Options(extra=extra)).splitlines()
        for key in secret:
            assert f"{key}=******" in lines
        for key in harmless:
            assert f"{key}=value" in lines

    def test_is_sorted_by_utf_16_and_escapes_nothing(self) -> None:
        options = Options(extra={"\uff61": "a=b", "\U0001f600": "\\", "\ud800": ""})
        assert java_text(options).splitlines()[-3:] == [
            "\ud800=",
            "\U0001f600=\\",
            "\uff61=a=b",
        ]

    def test_shows_none_of_our_own_options(self) -> None:
        names = {line.partition("=")[0] for line in java_text(Options()).splitlines()}
        assert not names & {option.name for option in OPTIONS if not option.java}
