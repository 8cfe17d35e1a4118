"""The hash of the compiled twin's map, beside that of Python's own texts."""

import json
import random
import subprocess
import sys
from importlib import import_module

import pytest

sip_hash = import_module("namesrv._fast.text_map").sip_hash

KEY = bytes(range(16))
TEXTS = [random.Random(7).randbytes(length) for length in range(1, 80)]
ASK_PYTHON = """
import json, sys
assert sys.hash_info.algorithm == "siphash13"
print(json.dumps([hash(bytes(text)) for text in json.load(sys.stdin)]))
"""


def test_hash_of_one_text_is_siphash_1_3() -> None:
    """Python's own, whose key is zeros when PYTHONHASHSEED is."""
    answer = subprocess.run(
        [sys.executable, "-c", ASK_PYTHON],
        input=json.dumps([list(text) for text in TEXTS]),
        env={"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    hashes = [number % 2**64 for number in json.loads(answer.stdout)]
    assert hashes == [sip_hash(bytes(16), text, b"") for text in TEXTS]


def test_text_map_distinguishes_two_texts_from_one_and_from_others() -> None:
    text = TEXTS[40]
    places = range(len(text) + 1)
    hashes = {sip_hash(KEY, text[:place], text[place:]) for place in places}
    assert len(hashes) == len(places)


def test_the_mark_between_two_texts_is_no_text() -> None:
    """Without it a long text that says how long its first part is would collide."""
    first, second = b"x" * 248, b"second"
    one = first + bytes([0, 0, 0, 0, 0, 0, 0, 248]) + second
    assert sip_hash(KEY, first, second) != sip_hash(KEY, one, b"")


def test_key_decides() -> None:
    assert sip_hash(KEY, b"topic", b"") != sip_hash(KEY[::-1], b"topic", b"")
    with pytest.raises(ValueError, match="has 15 bytes, and needs 16"):
        sip_hash(KEY[1:], b"topic", b"")


def test_names_that_collided_for_every_seed_do_not() -> None:
    """A multiplication carries the highest bit of a word nowhere but to the highest
    bit, from where the next word took it away."""
    one = bytes(range(24))
    other = bytearray(one)
    for place in (7, 11, 15):
        other[place] ^= 0x80
    for seed in range(100):
        key = random.Random(seed).randbytes(16)
        assert sip_hash(key, one, b"") != sip_hash(key, bytes(other), b"")
