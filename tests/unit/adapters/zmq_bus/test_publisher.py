import time
from collections.abc import Callable
from pathlib import Path

import zmq

from polybot.adapters.zmq_bus.endpoints import BusContext
from polybot.adapters.zmq_bus.publisher import SEND_HIGH_WATER, BusPublisher

OpenSocket = Callable[[int], zmq.Socket]


def begun(subscriber: zmq.Socket, runtime_dir: Path, publisher: BusPublisher) -> zmq.Socket:
    """Connect a plain SUB socket and return it once it receives."""
    subscriber.setsockopt(zmq.SUBSCRIBE, b"")
    subscriber.connect(f"ipc://{runtime_dir}/trader.events")
    deadline = time.monotonic() + 10
    while not subscriber.poll(5):
        publisher.send(b"v.Hello", b"")
        assert time.monotonic() < deadline
    while subscriber.poll(50):
        subscriber.recv()
    return subscriber


def test_a_message_is_topic_zero_byte_payload(
    context: BusContext, open_socket: OpenSocket, runtime_dir: Path
) -> None:
    publisher = BusPublisher(context, runtime_dir, "trader")
    subscriber = begun(open_socket(zmq.SUB), runtime_dir, publisher)
    publisher.send(b"d.FillMatched", b'{"a":"\\u0000"}')
    assert subscriber.recv_multipart() == [b'd.FillMatched\0{"a":"\\u0000"}']
    publisher.close()


def test_without_subscribers_sending_goes_nowhere_and_never_waits(
    context: BusContext, runtime_dir: Path
) -> None:
    publisher = BusPublisher(context, runtime_dir, "trader")
    for _ in range(SEND_HIGH_WATER + 1000):
        publisher.send(b"v.Quote", b"x")
    publisher.close()


def test_a_subscriber_that_does_not_read_loses_messages_and_holds_nobody_up(
    context: BusContext, open_socket: OpenSocket, runtime_dir: Path
) -> None:
    publisher = BusPublisher(context, runtime_dir, "trader")
    subscriber = begun(open_socket(zmq.SUB), runtime_dir, publisher)
    sent = 3 * SEND_HIGH_WATER
    for number in range(sent):
        publisher.send(b"v.Quote", b"%d" % number)
    received = 0
    while subscriber.poll(200):
        subscriber.recv()
        received += 1
    assert 0 < received < sent
    publisher.close()
