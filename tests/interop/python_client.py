"""Produce and consume with PyPI's `rocketmq`; runs in the virtual environment of that.

    python python_client.py NAME_SERVERS TOPIC COUNT

Prints one line of JSON: how many messages were sent, and the bodies received.
"""

import json
import sys
import time

from rocketmq.client import (
    Message,
    Producer,
    PushConsumer,
    SendStatus,
)

RECEIVE_SECONDS = 40


def produce(name_servers: str, topic: str, count: int) -> int:
    producer = Producer("PythonInteropProducer")
    producer.set_namesrv_addr(name_servers)
    producer.start()
    sent = 0
    for number in range(count):
        message = Message(topic)
        message.set_body(f"{topic}-{number}")
        sent += producer.send_sync(message).status == SendStatus.OK
    producer.shutdown()
    return sent


def consume(name_servers: str, topic: str, count: int) -> list[str]:
    received: list[str] = []
    consumer = PushConsumer("PythonInteropConsumer")
    consumer.set_namesrv_addr(name_servers)
    consumer.subscribe(topic, lambda message: received.append(message.body.decode()))
    consumer.start()
    deadline = time.monotonic() + RECEIVE_SECONDS
    while len(set(received)) < count and time.monotonic() < deadline:
        time.sleep(0.1)
    consumer.shutdown()
    return sorted(set(received))


def main() -> None:
    name_servers, topic, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    sent = produce(name_servers, topic, count)
    received = consume(name_servers, topic, count)
    print(json.dumps({"sent": sent, "received": received}))


if __name__ == "__main__":
    main()
