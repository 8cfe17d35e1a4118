"""Every recorded conversation with Java, replayed over a real server on both loops."""

import dataclasses
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from tests.golden.peer import Peer
from tests.golden.player import Connect, Player
from tests.golden.server_options import server_options
from tests.golden.transcript import Transcript, read_transcript, transcript_names
from tests.golden.verdict import complaint
from tests.server.server_thread import LOOPS, ServerThread

Replays = dict[tuple[str, str], Future[list[str]]]

AT_ONCE: Final = 16
STRETCHES: Final = (1, 3, 10)
"""A busy machine can make a pause of a transcript too short for what the server does
meanwhile by its clock. Those transcripts get more chances, with longer pauses."""


@pytest.fixture(scope="module")
def replays(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Replays]:
    """All replays that were asked for, several at a time: they mostly wait."""
    test_name = test_a_transcript_is_answered_as_recorded.__name__
    params = [
        item.callspec.params
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == test_name
    ]
    wanted = [(str(one["loop"]), read_transcript(str(one["name"]))) for one in params]
    wanted.sort(key=lambda pair: -pair[1].pause_millis - pair[1].silence_millis)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            (loop, transcript.name): pool.submit(
                replay, transcript, loop, tmp_path_factory.mktemp(transcript.name)
            )
            for loop, transcript in wanted
        }


def replay(
    transcript: Transcript,
    loop: str,
    home: Path,
    connect: Connect = Peer.connect,
    **values: Any,
) -> list[str]:
    """The complaints, at best none; `values` are more options of the server."""
    complaints: list[str] = []
    for stretch in STRETCHES if transcript.pause_millis else STRETCHES[:1]:
        folder = home / str(stretch)
        folder.mkdir()
        complaints = replay_once(transcript, loop, folder, stretch, connect, **values)
        if not complaints:
            break
    return complaints


def replay_once(
    transcript: Transcript,
    loop: str,
    home: Path,
    stretch: float,
    connect: Connect,
    **values: Any,
) -> list[str]:
    """The same, by a fresh server, with pauses so much longer."""
    options = server_options(
        home, transcript.properties, transcript.environ, transcript.files
    )
    options = dataclasses.replace(options, **values)
    complaints = []
    with (
        ServerThread(options, loop) as server,
        Player(server.address, stretch, connect) as player,
    ):
        for step in transcript.steps:
            got = player.play(step)
            if got is not None:
                complaints.append(complaint(transcript.name, step, got))
        complaints += [f"came without being due: {f!r}" for f in player.leftovers()]
    return [text for text in complaints if text is not None]


@pytest.mark.parametrize("name", transcript_names())
@pytest.mark.parametrize("loop", LOOPS)
def test_a_transcript_is_answered_as_recorded(
    replays: Replays, loop: str, name: str
) -> None:
    complaints = replays[loop, name].result()
    assert not complaints, "\n" + "\n".join(complaints)


def test_there_are_as_many_transcripts_as_were_recorded() -> None:
    assert len(transcript_names()) == 79
