"""Every fuzz target by its name."""

from typing import Final

from tests.fuzz import (
    access_keys,
    frames,
    headers,
    http_requests,
    json_text,
    kv_file,
    lookups,
    properties,
    proxy_headers,
    registration_bodies,
    sessions,
    snapshots,
    tls_records,
    whole_server,
)
from tests.fuzz.target import Target

TARGETS: Final[dict[str, Target]] = {
    module.TARGET.name: module.TARGET
    for module in (
        frames,
        lookups,
        headers,
        json_text,
        kv_file,
        registration_bodies,
        properties,
        access_keys,
        snapshots,
        proxy_headers,
        tls_records,
        http_requests,
        whole_server,
        sessions,
    )
}
