"""A call of the system that fails."""

import os
from collections.abc import Callable


def fail_with(number: int) -> Callable[..., None]:
    """A function that raises this `OSError` whatever it is called with."""

    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail
