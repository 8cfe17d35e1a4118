"""Cluster-test mode: unknown topics are asked of another cluster (section 2.23)."""

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from namesrv.codes import RequestCode, ResponseCode
from namesrv.options import Options
from namesrv.server.nameserver import NameServer
from namesrv.server.outbound.product_cluster import ProductCluster
from namesrv.server.outbound.resolver import Resolver
from namesrv.wire.command import RemotingCommand, decode_command, encode_frame

ROUTE = b'{"brokerDatas":[],"filterServerTable":{},"queueDatas":[]}'
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def read_command(reader: asyncio.StreamReader) -> RemotingCommand:
    length = int.from_bytes(await reader.readexactly(4))
    frame = await reader.readexactly(length)
    end = 4 + int.from_bytes(frame[1:4])
    return decode_command(frame[0], frame[4:end], frame[end:])


def product_server(answer: Callable[[RemotingCommand], bytes]) -> Handler:
    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        command = await read_command(reader)
        writer.write(answer(command))
        writer.close()

    return handle


def query(addresses: str, topic: str = "T") -> bytes | None:
    async def ask() -> bytes | None:
        cluster = ProductCluster(addresses, Resolver(), 8)
        found: asyncio.Future[bytes | None] = asyncio.Future()
        cluster.query(topic, found.set_result)
        try:
            return await found
        finally:
            await cluster.close()

    return asyncio.run(ask())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def with_server(
    answer: Callable[[RemotingCommand], bytes], dead_first: bool = False
) -> tuple[bytes | None, list[RemotingCommand]]:
    """What `query` finds against a server that answers so, and what that was asked."""
    asked: list[RemotingCommand] = []

    def record(command: RemotingCommand) -> bytes:
        asked.append(command)
        return answer(command)

    async def ask() -> bytes | None:
        server = await asyncio.start_server(product_server(record), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        dead = f"127.0.0.1:{free_port()};" if dead_first else ""
        cluster = ProductCluster(f"{dead}127.0.0.1:{port}", Resolver(), 8)
        found: asyncio.Future[bytes | None] = asyncio.Future()
        cluster.query("T", found.set_result)
        async with server:
            return await found

    return asyncio.run(ask()), asked


def test_route_of_the_other_cluster_is_found() -> None:
    body, asked = with_server(lambda c: encode_frame(c.answer(body=ROUTE), 0))
    assert body == ROUTE
    assert [c.code for c in asked] == [RequestCode.GET_ROUTEINFO_BY_TOPIC]
    assert asked[0].ext_fields == {"topic": "T"}
    assert asked[0].version == 0


def test_dead_server_is_passed_over() -> None:
    body, _ = with_server(
        lambda c: encode_frame(c.answer(body=ROUTE), 0), dead_first=True
    )
    assert body == ROUTE


@pytest.mark.parametrize(
    "answer",
    [
        lambda c: encode_frame(c.answer(ResponseCode.TOPIC_NOT_EXIST, "none"), 0),
        lambda c: b"",
        lambda c: b"\x00\x00\x00\x01\x00",
        lambda c: b"\x7f\xff\xff\xff",
        lambda c: b"\x00\x00\x00\x06\x00\x00\x00\x02{!",
        lambda c: b"\x00\x00\x00\x09\x02\x00\x00\x05hello",
    ],
)
def test_any_failure_means_not_found(
    answer: Callable[[RemotingCommand], bytes],
) -> None:
    body, _ = with_server(answer)
    assert body is None


@pytest.mark.parametrize(
    "addresses", ["", " ; ", "nonsense", "127.0.0.1:nonsense", "127.0.0.1:99999"]
)
def test_without_a_usable_address_nothing_is_found(addresses: str) -> None:
    assert query(addresses) is None


def test_server_answers_with_the_other_clusters_route_and_keeps_its_own_tables(
    tmp_path: Path,
) -> None:
    async def ask() -> list[RemotingCommand]:
        product = await asyncio.start_server(
            product_server(lambda c: encode_frame(c.answer(body=ROUTE), 0)),
            "127.0.0.1",
            0,
        )
        port = product.sockets[0].getsockname()[1]
        options = Options(
            bind_address="127.0.0.1",
            listen_port=0,
            data_dir=str(tmp_path),
            cluster_test=True,
            product_namesrv_addr=f"127.0.0.1:{port}",
        )
        server = NameServer(options)
        await server.start()
        try:
            reader, writer = await asyncio.open_connection(*server.addresses[0])
            answers = []
            for code, ext_fields in (
                (RequestCode.GET_ROUTEINFO_BY_TOPIC, {"topic": "elsewhere"}),
                (RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, {}),
                (RequestCode.GET_ROUTEINFO_BY_TOPIC, {}),
            ):
                request = RemotingCommand(code, ext_fields=dict(ext_fields))
                writer.write(encode_frame(request, 0))
                answers.append(await read_command(reader))
            writer.close()
            return answers
        finally:
            await server.stop()
            product.close()

    route, topics, nothing = asyncio.run(ask())
    assert route.body == ROUTE
    assert json.loads(topics.body or b"") == {"topicList": []}
    assert nothing.code == ResponseCode.TOPIC_NOT_EXIST


def test_thread_that_cannot_be_started_finds_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert query("localhost:1") is None


def test_names_that_do_not_resolve_take_few_threads_and_no_descriptors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not even when a thousand peers ask for unknown topics."""
    answer = threading.Event()

    def getaddrinfo(*args: object, **more: object) -> None:
        answer.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "never")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    before = threading.active_count()

    async def ask() -> list[bytes | None]:
        cluster = ProductCluster("slow.example:1;slow.example:2", Resolver(), 8)
        found: list[bytes | None] = []
        for number in range(1000):
            cluster.query(f"topic-{number}", found.append)
        await asyncio.sleep(0.01)
        assert threading.active_count() == before + 1
        assert len(cluster._tasks) == 8 and len(found) == 992
        answer.set()
        while len(found) < 1000:
            await asyncio.sleep(0.01)
        await cluster.close()
        return found

    assert set(asyncio.run(ask())) == {None}
