"""The file of access keys (`accessKeysFile`): read at the start, and again when told.

What is wrong with it is said with the number of a line and never with what it says.
"""

import logging
import os
import stat
from typing import TYPE_CHECKING, Final

from namesrv.errors import AccessKeysInvalid, StartFailed
from namesrv.options import Options
from namesrv.server.logs import EventLog
from namesrv.wire.access_keys import AccessKeys, read_access_keys

if TYPE_CHECKING:
    from namesrv.routing.access import AccessControl

LONGEST_FILE_BYTES: Final = 1 << 20


class AccessKeysFile:
    """Gives the keys of `accessKeysFile`, if there is one, to `access`."""

    def __init__(
        self, options: Options, access: "AccessControl", log: EventLog
    ) -> None:
        self._options = options
        self._access = access
        self._log = log

    def load(self) -> None:
        """Read it at the start. Raises StartFailed."""
        path = self._options.access_keys_file
        if path:
            keys, warning = read_keys_file(path)
            self._access.keys = keys
            if warning is not None:
                self._log.log_own(logging.WARNING, warning, {})

    def reload(self) -> bool:
        """Read it again, while serving; False when it is broken and the old keys stay.

        What is signed with a key that has gone is refused from now on.
        """
        try:
            self.load()
        except StartFailed as failure:
            fields = {"reason": str(failure), "keys": len(self._access.keys)}
            event = "access keys could not be read again, the old ones stay"
            self._log.log_own(logging.ERROR, event, fields)
            return False
        path = self._options.access_keys_file
        if path:
            fields = {"file": path, "keys": len(self._access.keys)}
            self._log.log_own(logging.INFO, "access keys read again", fields)
        return True


def read_keys_file(path: str) -> tuple[AccessKeys, str | None]:
    """The keys, and a warning when others may see them. Raises StartFailed."""
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
