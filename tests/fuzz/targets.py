"""Every fuzz target by its name."""

from typing import Final

from tests.fuzz import (
    frames,
    headers,
    json_text,
    kv_file,
    properties,
    proxy_headers,
    registration_bodies,
    snapshots,
    whole_server,
)
from tests.fuzz.target import Target

TARGETS: Final[dict[str, Target]] = {
    module.TARGET.name: module.TARGET
    for module in (
        frames,
        headers,
        json_text,
        kv_file,
        registration_bodies,
        properties,
        snapshots,
        proxy_headers,
        whole_server,
    )
}
