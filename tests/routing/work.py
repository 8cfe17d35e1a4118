"""Counts work instead of time: the steps that Python's interpreter takes."""

import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def steps_of(act: Callable[[], object]) -> int:
    """How many instructions of Python `act` takes, the same each time."""
    steps = 0

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal steps
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        steps += event == "opcode"
        return trace

    before = sys.gettrace()
    # A collection calls what others have asked it to call.
    gc.disable()
    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(before)
        gc.enable()
    return steps


def growth(act: Callable[[int], object], size: int) -> float:
    """How many times as much work twice the size is: 2 when it is linear."""
    return steps_of(lambda: act(2 * size)) / steps_of(lambda: act(size))
