"""The sums of which a digest of routes is made (`routing/answers/route_digest.py`).

They need texts only. So the answers of any NameServer are enough to make its digest.
"""

from hashlib import blake2b
from typing import Final

from namesrv.wire.java_json.write import write_string

DIGEST_BYTES: Final = 16
MODULUS: Final = 1 << 8 * DIGEST_BYTES


def group_sum(broker_data: str) -> int:
    """The part of a broker group: an element of `brokerDatas`, standard dialect."""
    return _hash(broker_data)


def topic_sum(topic: str, queue_data: str) -> int:
    """The part of a topic on a group: its name and an element of `queueDatas`."""
    return _hash(f"[{write_string(topic)},{queue_data}]")


def digest_text(total: int) -> str:
    """The digest as hex digits, of the sum of all parts."""
    return f"{total % MODULUS:0{2 * DIGEST_BYTES}x}"


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=DIGEST_BYTES).digest())
