"""Shortens a history that fails, by leaving out steps.

The delta debugging of Zeller and Hildebrandt: halves first, then ever smaller pieces,
until no single step can go.
"""

from collections.abc import Callable, Sequence


def shrink(
    numbers: Sequence[int], fails: Callable[[Sequence[int]], bool]
) -> tuple[int, ...]:
    """The shortest failing part of `numbers` that was found; the whole fails."""
    kept = list(numbers)
    pieces = 2
    while kept:
        size = max(1, -(-len(kept) // pieces))
        for start in range(0, len(kept), size):
            rest = kept[:start] + kept[start + size :]
            if fails(rest):
                kept, pieces = rest, max(2, pieces - 1)
                break
        else:
            if size == 1:
                break
            pieces = min(len(kept), 2 * pieces)
    return tuple(kept)
