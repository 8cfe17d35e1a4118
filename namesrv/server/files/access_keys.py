"""The file of access keys (`accessKeysFile`): read at the start and by a reload.

Errors name the number of a line, and never quote its text.
"""

import logging
import os
import stat
from typing import TYPE_CHECKING, Final, NamedTuple

from namesrv.errors import AccessKeysInvalid, StartFailed
from namesrv.options import Options
from namesrv.server.logs.events import EventLog
from namesrv.wire.access_keys import AccessKeys, read_access_keys

if TYPE_CHECKING:
    from namesrv.routing.access.control import AccessControl

LONGEST_FILE_BYTES: Final = 1 << 20


class PreparedKeys(NamedTuple):
    """The keys of the file, and a warning if other users can read it."""

    path: str
    keys: AccessKeys
    warning: str | None


class AccessKeysFile:
    """Passes the keys of `accessKeysFile`, if that is set, to `access`."""

    def __init__(
        self, options: Options, access: "AccessControl", log: EventLog
    ) -> None:
        self._options = options
        self._access = access
        self._log = log

    def load(self) -> None:
        """Read it at the start. Raises StartFailed."""
        prepared = self.prepare(self._options)
        self._access.keys = prepared.keys
        self._warn(prepared)

    def prepare(self, options: Options) -> PreparedKeys:
        """Prepare keys for `take`; nothing changes yet. Raises StartFailed."""
        path = options.access_keys_file
        keys, warning = read_keys_file(path) if path else (AccessKeys({}), None)
        return PreparedKeys(path, keys, warning)

    def take(self, prepared: PreparedKeys) -> None:
        """Use the prepared keys from now on; signatures of removed keys are refused."""
        before, self._access.keys = self._access.keys, prepared.keys
        self._warn(prepared)
        added = prepared.keys.names_beside(before)
        if added:
            fields: dict[str, object] = {
                "option": "accessKeysFile",
                "old": f"{len(before)} keys",
                "new": f"{len(prepared.keys)} keys",
                "new_keys": added,
                "by": "SIGHUP",
            }
            event = "access is wider than before"
            self._log.log_own(logging.WARNING, event, fields)
        if prepared.path:
            fields = {"file": prepared.path, "keys": len(prepared.keys)}
            self._log.log_own(logging.INFO, "access keys reloaded", fields)

    def _warn(self, prepared: PreparedKeys) -> None:
        if prepared.warning is not None:
            self._log.log_own(logging.WARNING, prepared.warning, {})


def read_keys_file(path: str) -> tuple[AccessKeys, str | None]:
    """The keys, and a warning if other users can read them. Raises StartFailed."""
    try:
        with open(path, "rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(LONGEST_FILE_BYTES + 1)
        if len(data) > LONGEST_FILE_BYTES:
            raise AccessKeysInvalid(f"it is longer than {LONGEST_FILE_BYTES} bytes")
        keys = read_access_keys(data)
    except OSError as error:
        reason = error.strerror or str(error)
    except AccessKeysInvalid as error:
        reason = str(error)
    else:
        return keys, _warning(path, mode)
    raise StartFailed(f"cannot read the access keys of {path}: {reason}")


def _warning(path: str, mode: int) -> str | None:
    if not mode & (stat.S_IRWXO | stat.S_IWGRP):
        return None
    return (
        f"the access keys of {path} are open to others (mode {mode:04o});"
        " chmod 600 closes them"
    )
