"""Loads kvConfig.json at the start (protocol.md section 4.4)."""

import os.path

from namesrv.routing.settings.kv_config import KVConfigManager
from namesrv.server.files.atomic import read


def load_kv_config(kv_config: KVConfigManager, path: str) -> None:
    """Load the file, if it exists.

    Raises StorageError, and StartFailed for a file that must not be overwritten.
    """
    kv_config.load(read(path), has_copy=os.path.lexists(f"{path}.bak"))
