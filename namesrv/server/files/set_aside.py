"""Files that cannot be used are kept for people to look at, under another name."""

import logging
from typing import Final

from namesrv.server.files.atomic import reason_of, rename
from namesrv.server.logs.events import EventLog

UNUSABLE_SUFFIX: Final = ".unusable"


def set_aside(path: str, reason: str, event: str, log: EventLog) -> None:
    """Rename a file, with `event` and the reason in the log; the one that was set aside
    before is replaced, so that there is one at most."""
    fields = {"file": path, "reason": reason}
    log.log_event(logging.WARNING, event, fields)
    try:
        rename(path, path + UNUSABLE_SUFFIX)
    except OSError as error:
        fields = {"file": path, "reason": reason_of(error)}
        log.log_event(logging.WARNING, "cannot rename a damaged file", fields)
