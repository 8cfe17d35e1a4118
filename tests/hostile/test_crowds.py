"""Many peers at once: they wait, promise much, do not read, or reset."""

import resource
import selectors
import signal
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest

from namesrv.testing.peer import (
    Broker,
    Peer,
    get_kv,
    lookup,
    put_kv,
    request,
    wait_until,
)
from tests.hostile.attacked_server import (
    SLACK_MIB,
    AttackedServer,
    send_what_is_taken,
)
from tests.hostile.conftest import Lay
from tests.server.server_thread import LOOPS

MIB = 1 << 20
FRAME_MAX_BYTES = 16 * MIB
CROWD = 10_000
SPARE_FILES = 1500
"""Descriptors that a process needs, or keeps, besides the crowd's."""

both_loops = pytest.mark.parametrize("loop_name", LOOPS)


@contextmanager
def descriptors(count: int) -> Iterator[int]:
    """Raise the limit of open files; how many of `count` there can be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + SPARE_FILES
    possible = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, possible), hard))
    try:
        yield possible - SPARE_FILES
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def long_route(attacked: AttackedServer, brokers: int = 300) -> int:
    """Register a topic `wide` of many brokers; the bytes of its answer."""
    peer = attacked.peer()
    for number in range(brokers):
        name = f"broker-with-an-ordinary-name-{number:04}"
        broker = Broker(name, addr=f"192.0.2.{number % 250}:{10000 + number}")
        assert peer.ask(broker.registration({"wide": 8, "also": 8})).code == 0
    return len(peer.ask(lookup("wide")).body)


class TestWaiting:
    @both_loops
    def test_ten_thousand_send_one_byte_and_wait(
        self, lay_siege: Lay, loop_name: str
    ) -> None:
        attacked = lay_siege("--loop", loop_name)
        with descriptors(CROWD) as count:
            assert count >= 1000, "the limit of open files is too low for a crowd"
            peers = []
            for number in range(count):
                peers.append(attacked.peer())
                # The first byte of a frame, of PROXY v1 and of PROXY v2.
                peers[-1].send((b"\x00", b"P", b"\r")[number % 3])
            seconds = attacked.ask_witness()
            each_kib = (attacked.server.rss_mib() - attacked.before_mib) * 1024 / count
            print(f"{count} wait: {each_kib:.1f} KiB each, witness {seconds:.2f} s")
            assert each_kib < 16
            for peer in peers[::2]:
                peer.socket.close()

    def test_proxy_headers_without_an_end_have_a_budget(self, lay_siege: Lay) -> None:
        # What 1,000 connections needed at once stays with the allocator: more of it if
        # lanes give them to the loop in crowds, and less than the formula has.
        attacked = lay_siege(
            *("--input-budget-bytes", str(16 * MIB)), slack_mib=SLACK_MIB + 40
        )
        start = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff" + bytes(65000)
        with descriptors(1000) as count:
            peers = [attacked.peer() for _ in range(min(count, 1000))]
            for peer in peers:
                send_what_is_taken(peer, start)
            attacked.ask_witness()
            assert attacked.server.rss_mib() < attacked.before_mib + 16 * 1.5 + 16


class TestPromises:
    """Input is bounded by what came, and that by one budget for all."""

    @pytest.mark.parametrize(
        ("budget_mib", "crowd"), [(32, 1000), (256, 100)], ids=["small", "default"]
    )
    def test_each_promises_16_mib_and_sends_half(
        self, lay_siege: Lay, budget_mib: int, crowd: int
    ) -> None:
        attacked = lay_siege("--input-budget-bytes", str(budget_mib * MIB))
        with descriptors(crowd) as count:
            peers = [attacked.peer() for _ in range(min(count, crowd))]
            sent = self.send_side_by_side(peers, FRAME_MAX_BYTES // 2)
            seconds = attacked.ask_witness()
            held_mib = attacked.server.rss_mib() - attacked.before_mib
            print(f"{sent / MIB:.0f} MiB sent, {held_mib:.0f} held, {seconds:.2f} s")
            # A buffer that grows has room for an eighth more, and is moved at times.
            highest_mib = budget_mib * 1.4 + 48
            assert attacked.server.peak_mib() < attacked.before_mib + highest_mib

    @staticmethod
    def send_side_by_side(peers: list[Peer], size: int) -> int:
        """Each sends so much of the longest frame, or what the server takes of it."""
        piece = bytes(256 * 1024)
        start = (FRAME_MAX_BYTES - 4).to_bytes(4) + piece
        total = 0
        with selectors.DefaultSelector() as selector:
            for peer in peers:
                peer.socket.setblocking(False)
                selector.register(peer.socket, selectors.EVENT_WRITE, [0])
            while selector.get_map():
                for key, _ in selector.select(30):
                    assert isinstance(key.fileobj, socket.socket)
                    sent: list[int] = key.data
                    try:
                        sent[0] += key.fileobj.send(piece if sent[0] else start)
                    except BlockingIOError:
                        continue
                    except ConnectionError:
                        selector.unregister(key.fileobj)
                        continue
                    if sent[0] >= size:
                        total += sent[0]
                        selector.unregister(key.fileobj)
        return total

    def test_peer_that_finishes_its_frame_in_time_is_served(
        self, lay_siege: Lay
    ) -> None:
        attacked = lay_siege("--input-budget-bytes", str(16 * MIB))
        hoarders = [attacked.peer() for _ in range(20)]
        for peer in hoarders:
            send_what_is_taken(peer, (8 * MIB).to_bytes(4) + bytes(MIB))
        with attacked.peer() as honest:
            for _ in range(10):
                assert honest.ask(request(999, {}, bytes(MIB // 2))).code == 3


class TestDeaf:
    """Peers that ask much and read nothing."""

    @both_loops
    def test_five_thousand_lookups_of_a_long_route(
        self, lay_siege: Lay, loop_name: str
    ) -> None:
        attacked = lay_siege("--loop", loop_name)
        size = long_route(attacked)
        before = attacked.server.rss_mib()
        with attacked.peer() as deaf:
            deaf.send(*(lookup("wide", number) for number in range(5000)))
            seconds = attacked.ask_witness()
            held_mib = attacked.server.rss_mib() - before
            print(
                f"{5000 * size / MIB:.0f} MiB asked for, {held_mib:.1f} held,"
                f" witness {seconds:.2f} s"
            )
            assert held_mib < 16
            # It reads after all, and everything is there.
            opaques = [answer.opaque for answer in deaf.read_answers(5000)]
            assert opaques == list(range(5000))
            deaf.send(*(lookup("wide", number) for number in range(5000)))

    def test_file_changes_do_not_get_more_answers_made(self, lay_siege: Lay) -> None:
        attacked = lay_siege()
        size = long_route(attacked)
        before = attacked.server.rss_mib()
        asked = [
            frame
            for number in range(100)
            for frame in (put_kv("n", "k", str(number)), *[lookup("wide")] * 10)
        ]
        with attacked.deaf_peer() as deaf:
            deaf.send(*asked)
            for number in range(20):
                attacked.witness.ask(put_kv("n", "other", str(number)))
            assert attacked.server.rss_mib() < before + 16
            assert len(asked) * size > 64 * MIB

    def test_forty_peers_that_do_not_read_take_bounded_memory(
        self, lay_siege: Lay
    ) -> None:
        attacked = lay_siege()
        long_route(attacked)
        before = attacked.server.rss_mib()
        peers = [attacked.peer() for _ in range(40)]
        for peer in peers:
            peer.send(*(lookup("wide", number) for number in range(500)))
        seconds = attacked.ask_witness()
        held_mib = attacked.server.rss_mib() - before
        print(f"{len(peers)} deaf: {held_mib:.0f} MiB, witness {seconds:.2f} s")
        assert held_mib < 3 * len(peers)

    @both_loops
    def test_they_have_one_budget(self, lay_siege: Lay, loop_name: str) -> None:
        words = ("--loop", loop_name, "--output-budget-bytes", str(16 * MIB))
        attacked = lay_siege(*words)
        long_route(attacked)
        before = attacked.server.rss_mib()
        peers = [attacked.peer() for _ in range(100)]
        for peer in peers:
            send_what_is_taken(peer, b"".join([lookup("wide")] * 500))
        attacked.server.wait_for_log("output budget exceeded")
        attacked.ask_witness()
        held_mib = attacked.server.rss_mib() - before
        print(f"{len(peers)} deaf: {held_mib:.0f} MiB")
        # Beside the budget are the system's buffers, the output that is being written,
        # and 8 MiB, with copies, on the way from a lane.
        assert held_mib < 16 * 1.5 + 24 + 24


class TestResets:
    @both_loops
    @pytest.mark.parametrize(
        "sent",
        [b"", lookup("wide")[:30], lookup("wide") * 50, put_kv("n", "k", "v") * 3],
        ids=["nothing", "half a frame", "lookups", "changes"],
    )
    def test_storm_of_resets(self, lay_siege: Lay, loop_name: str, sent: bytes) -> None:
        attacked = lay_siege("--loop", loop_name)
        long_route(attacked, 20)
        for _ in range(120):
            peer = attacked.peer()
            if sent:
                peer.send(sent)
            peer.reset()
        attacked.ask_witness()

    @both_loops
    def test_brokers_that_reset_are_forgotten(
        self, lay_siege: Lay, loop_name: str
    ) -> None:
        attacked = lay_siege("--loop", loop_name)
        for number in range(200):
            peer = attacked.peer()
            broker = Broker(f"broker-{number}", addr=f"127.0.0.1:{number + 1}")
            peer.ask(broker.registration({"brief": 1, "also": 1}))
            peer.reset()
        wait_until(lambda: attacked.witness.ask(lookup("brief")).code == 17)


class TestTooMany:
    @both_loops
    def test_connections_beyond_the_limit_are_closed_and_others_served(
        self, lay_siege: Lay, loop_name: str
    ) -> None:
        attacked = lay_siege("--loop", loop_name, limit=(resource.RLIMIT_NOFILE, 200))
        # All at once, so that they are there before the first of them is counted.
        attacked.server.process.send_signal(signal.SIGSTOP)
        peers = [attacked.peer() for _ in range(500)]
        attacked.server.process.send_signal(signal.SIGCONT)
        # Half of the descriptors is for peers, and the witness is one. They need not be
        # the first: while the loop decides about one, a lane may accept another.
        wait_until(lambda: len(closed(peers)) == 401)
        refused = closed(peers)
        assert all(peer.read_to_end() == b"" for peer in refused)
        served = [peer for peer in peers if peer not in refused]
        assert all(answers(peer) for peer in served)
        attacked.ask_witness()
        # A thread writes the log.
        wait_until(lambda: "connection limit reached" in attacked.server.log())
        assert "Too many open files" not in attacked.server.log()
        served[0].reset()
        wait_until(lambda: answers(attacked.peer()))

    @both_loops
    def test_limit_is_an_option(self, lay_siege: Lay, loop_name: str) -> None:
        attacked = lay_siege("--loop", loop_name, "--max-connections", "3")
        peers = [attacked.peer() for _ in range(3)]
        assert [answers(peer) for peer in peers] == [True, True, False]

    def test_connection_limit_beyond_open_files_is_logged(self, lay_siege: Lay) -> None:
        limit = (resource.RLIMIT_NOFILE, 100)
        attacked = lay_siege("--max-connections", "1000", limit=limit)
        assert "max_connections=1000 possible=50" in attacked.server.log()


def answers(peer: Peer) -> bool:
    """Whether it is served; a refused one is closed."""
    try:
        return peer.ask(lookup("nobody-has-it")).code == 17
    except ConnectionError:
        return False


def closed(peers: Iterable[Peer]) -> list[Peer]:
    """Those with input, which is the end: they have asked for nothing."""
    with selectors.DefaultSelector() as selector:
        for peer in peers:
            selector.register(peer.socket, selectors.EVENT_READ, peer)
        return [key.data for key, _ in selector.select(0)]


class TestDescriptors:
    """The system has no descriptor left, for whatever reason."""

    @both_loops
    def test_server_without_descriptors_serves_those_that_it_has(
        self, lay_siege: Lay, loop_name: str
    ) -> None:
        attacked = lay_siege("--loop", loop_name)
        server, pid = attacked.server, attacked.server.process.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        peer = attacked.peer()
        assert peer.ask(put_kv("n", "k", "before")).code == 0
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (server.open_files(), hard))
        outside = [socket.create_connection(server.address) for _ in range(50)]
        # They take the descriptors of connections and files that were still ending.
        wait_until(lambda: peer.ask(put_kv("n", "other", "value")).code == 1)
        answer = peer.ask(put_kv("n", "k", "after"))
        assert answer.code == 1
        assert (answer.remark or "").endswith("Too many open files")
        assert peer.ask(get_kv("n", "k")).ext_fields == {"value": "before"}
        began, used = time.monotonic(), server.cpu_seconds()
        while time.monotonic() < began + 1.5:
            attacked.ask_witness()
            time.sleep(0.05)
        seconds = time.monotonic() - began
        assert server.cpu_seconds() - used < seconds / 2
        lines = [line for line in server.log().splitlines() if "accept" in line]
        assert any("for lack of descriptors or memory" in line for line in lines)
        assert len(lines) < seconds + 2
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))
        wait_until(lambda: answers(attacked.peer()))
        assert peer.ask(put_kv("n", "k", "after")).code == 0
        for connection in outside:
            connection.close()
