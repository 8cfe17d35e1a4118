"""How much a test does that could do any amount: as much as the tier asks for.

`make test-quick`, `make test` and `make test-full` choose a hypothesis profile, and
everything that is drawn by chance follows its number of examples.
"""

from hypothesis import settings

FULL_EXAMPLES = 100
"""Of the profile of the full tier."""


def scaled(full: int, least: int = 1) -> int:
    """`full` in the full tier, a proper part of it in the others."""
    return max(least, full * settings().max_examples // FULL_EXAMPLES)
