"""Paths of options that begin with `~`, the home directory of a user."""

import os.path

from namesrv.options import PATHS, Options


def expand_home(options: Options) -> list[str]:
    """Replace the `~` at the head of every path in `options`.

    Returns a sentence for each path whose home directory is not known.
    """
    unknown: dict[str, str] = {}
    for option in PATHS:
        path = os.path.expanduser(getattr(options, option.attribute))
        setattr(options, option.attribute, path)
        # A path below an unknown data directory is no mistake of its own.
        if path.startswith("~") and not path.startswith(tuple(unknown)):
            unknown[path] = (
                f"{option.name} is {path!r}, whose home directory is not known,"
                " expected a path without ~"
            )
    return list(unknown.values())
