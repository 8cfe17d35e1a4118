"""Send to one new topic after the other, until a line comes, with PyPI's `rocketmq`.

    python python_lookups.py NAME_SERVERS PREFIX

The first message to a topic needs lookups. A send that failed is repeated, as an
application does it. Prints one line of JSON: how many messages were sent, how many of
them at the second try or later, and how many not at all.
"""

import json
import sys
import threading

from rocketmq.client import Message, Producer, SendStatus

TRIES = 4


def main() -> None:
    name_servers, prefix = sys.argv[1:]
    ended = threading.Event()
    threading.Thread(target=wait_for_line, args=(ended,)).start()
    producer = Producer("PythonInteropLookups")
    producer.set_namesrv_addr(name_servers)
    producer.start()
    counts = {"sent": 0, "retried": 0, "lost": 0}
    number = 0
    while not ended.is_set():
        tries = send(producer, f"{prefix}{number}")
        number += 1
        counts["sent" if tries else "lost"] += 1
        counts["retried"] += tries > 1
    producer.shutdown()
    print(json.dumps(counts))


def wait_for_line(ended: threading.Event) -> None:
    sys.stdin.readline()
    ended.set()


def send(producer: Producer, topic: str) -> int:
    """How many tries it took; 0 when all failed."""
    for number in range(1, TRIES + 1):
        message = Message(topic)
        message.set_body("x")
        try:
            if producer.send_sync(message).status == SendStatus.OK:
                return number
        except Exception as error:
            print(f"{topic}: {error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    main()
