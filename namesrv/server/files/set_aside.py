"""Renames damaged files, so that people can inspect them."""

import logging
from typing import Final

from namesrv.server.files.atomic import reason_of, rename
from namesrv.server.logs.events import EventLog

UNUSABLE_SUFFIX: Final = ".unusable"


def set_aside(path: str, reason: str, event: str, log: EventLog) -> None:
    """Rename a file, and log `event` with the reason. An earlier one is replaced."""
    fields = {"file": path, "reason": reason}
    log.log_event(logging.WARNING, event, fields)
    try:
        rename(path, path + UNUSABLE_SUFFIX)
    except OSError as error:
        fields = {"file": path, "reason": reason_of(error)}
        log.log_event(logging.WARNING, "cannot rename a damaged file", fields)
