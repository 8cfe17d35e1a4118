"""Requests glued together or cut anywhere get the answers that they get one by one."""

from itertools import groupby, islice
from pathlib import Path
from typing import Final

import pytest

from namesrv.testing.peer import split_frames
from tests.golden.player import Player
from tests.golden.server_options import server_options
from tests.golden.transcript import (
    Outcome,
    Step,
    Transcript,
    read_transcript,
    transcript_names,
)
from tests.golden.verdict import complaint
from tests.routing.world import World
from tests.server.server_thread import ServerThread


def runs_of_one_peer(transcript: Transcript) -> list[list[Step]]:
    """The steps, cut where another connection takes over."""
    groups = groupby(transcript.steps, key=lambda step: step.peer)
    return [list(steps) for _, steps in groups]


def is_gluable(transcript: Transcript) -> bool:
    """Whether nothing but the order of requests decides the answers.

    The last answer of a run says that another connection may take over.
    """
    return all(
        step.op == "request"
        and not any(answer.closed for answer in step.right_answers)
        and len({len(answer.frames) for answer in step.right_answers}) == 1
        for step in transcript.steps
    ) and all(run[-1].right_answers[0].frames for run in runs_of_one_peer(transcript))


GLUABLE: Final = [
    name for name in transcript_names() if is_gluable(read_transcript(name))
]
HANDFUL: Final = (
    "binary_responses",
    "frame_pipelined",
    "kv_basic",
    "register_compressed",
    "register_master_slave",
    "register_unicode",
    "route_dialect",
    "topic_register",
)
"""Both encodings both ways, hot and cold requests, compressed bodies, late answers."""
PIECE_SIZES: Final = (1, 2, 3, 5, 8, 64)


def replay_glued(name: str, home: Path, single_bytes: bool) -> list[str]:
    transcript = read_transcript(name)
    options = server_options(
        home, transcript.properties, transcript.environ, transcript.files
    )
    complaints: list[str | None] = []
    with ServerThread(options) as server, Player(server.address) as player:
        for steps in runs_of_one_peer(transcript):
            answers = player.play_glued(steps, single_bytes)
            for step, got in zip(steps, answers, strict=True):
                complaints.append(complaint(name, step, got))
        complaints += [f"came without being due: {f!r}" for f in player.leftovers()]
    return [text for text in complaints if text is not None]


@pytest.mark.parametrize("name", GLUABLE)
def test_all_in_one_write(name: str, tmp_path: Path) -> None:
    complaints = replay_glued(name, tmp_path, single_bytes=False)
    assert not complaints, "\n" + "\n".join(complaints)


@pytest.mark.parametrize("name", HANDFUL)
def test_every_byte_in_a_write_of_its_own(name: str, tmp_path: Path) -> None:
    complaints = replay_glued(name, tmp_path, single_bytes=True)
    assert not complaints, "\n" + "\n".join(complaints)


@pytest.mark.parametrize("piece_bytes", PIECE_SIZES)
@pytest.mark.parametrize("name", HANDFUL)
def test_pieces_that_the_server_surely_reads_one_by_one(
    name: str, piece_bytes: int
) -> None:
    transcript = read_transcript(name)
    serialize_type = transcript.environ.get("ROCKETMQ_SERIALIZE_TYPE", "JSON")
    world = World(serialize_type=serialize_type)
    connections = {step.peer: world.connect() for step in transcript.steps}
    complaints = []
    for steps in runs_of_one_peer(transcript):
        glued = b"".join(step.request for step in steps)
        output = b"".join(
            world.send(glued[at : at + piece_bytes], connections[steps[0].peer])
            for at in range(0, len(glued), piece_bytes)
        )
        frames = split_frames(output)
        for step in steps:
            due = len(step.right_answers[0].frames)
            got = Outcome(tuple(islice(frames, due)))
            complaints.append(complaint(name, step, got))
        assert next(frames, None) is None
    assert not any(complaints), complaints


def test_most_transcripts_can_be_glued() -> None:
    assert len(GLUABLE) >= 40
    assert set(HANDFUL) <= set(GLUABLE)
