"""Fetch the real RocketMQ peers: `python tests/interop/fetch.py`.

Through Maven and pip only, into `.cache/peers`; what is there is left alone.
"""

import sys

from harness.fetch import FetchFailed, fetch_peers


def main() -> int:
    try:
        peers = fetch_peers()
    except FetchFailed as failure:
        print(f"interop: {failure}", file=sys.stderr)
        return 1
    print(f"interop: the peers are in {peers.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
