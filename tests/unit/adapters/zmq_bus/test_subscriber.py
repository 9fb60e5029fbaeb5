import asyncio
import time
from pathlib import Path

import pytest

from polybot.adapters.zmq_bus import subscriber as module
from polybot.adapters.zmq_bus.endpoints import BusContext
from polybot.adapters.zmq_bus.publisher import BusPublisher
from polybot.adapters.zmq_bus.subscriber import BusSubscriber
from polybot.errors import BusError
from tests.unit.adapters.zmq_bus.conftest import eventually

DURABLE = [b"d."]


async def settled(publisher: BusPublisher, subscriber: BusSubscriber) -> None:
    """Publish until the subscriber hears it, then take everything."""

    def heard() -> bool:
        publisher.send(b"d.Hello", b"hello")
        return b"hello" in subscriber.take()

    await eventually(heard)
    await asyncio.sleep(0.02)
    subscriber.take()


async def test_payloads_come_in_order_and_wake_the_service(
    context: BusContext, runtime_dir: Path
) -> None:
    publisher = BusPublisher(context, runtime_dir, "trader")
    subscriber = BusSubscriber(context, runtime_dir, ["trader"], DURABLE)
    wake = asyncio.Event()
    subscriber.attach(asyncio.get_running_loop(), wake)
    await settled(publisher, subscriber)
    wake.clear()
    for number in range(2000):
        publisher.send(b"d.Fill", b"%d" % number)
    await asyncio.wait_for(wake.wait(), 5)
    taken: list[bytes] = []

    def all_here() -> bool:
        taken.extend(subscriber.take())
        return len(taken) == 2000

    await eventually(all_here)
    assert taken == [b"%d" % number for number in range(2000)]
    assert subscriber.take() == []
    subscriber.close()
    publisher.close()


async def test_only_the_asked_topics_arrive(context: BusContext, runtime_dir: Path) -> None:
    publisher = BusPublisher(context, runtime_dir, "trader")
    subscriber = BusSubscriber(context, runtime_dir, ["trader"], [b"d.Fill", b"v.Heartbeat"])
    subscriber.attach(asyncio.get_running_loop(), asyncio.Event())

    def heard() -> bool:
        publisher.send(b"v.Heartbeat", b"beat")
        return subscriber.take() != []

    await eventually(heard)
    await asyncio.sleep(0.02)
    subscriber.take()
    publisher.send(b"d.Order", b"no")
    publisher.send(b"d.FillMatched", b"yes")
    publisher.send(b"v.Quote", b"no")
    publisher.send(b"v.Heartbeat", b"beat")
    taken: list[bytes] = []

    def both() -> bool:
        taken.extend(subscriber.take())
        return len(taken) >= 2

    await eventually(both)
    assert taken == [b"yes", b"beat"]
    subscriber.close()
    publisher.close()


async def test_a_payload_may_hold_the_byte_that_ends_a_topic(
    context: BusContext, runtime_dir: Path
) -> None:
    publisher = BusPublisher(context, runtime_dir, "trader")
    subscriber = BusSubscriber(context, runtime_dir, ["trader"], DURABLE)
    subscriber.attach(asyncio.get_running_loop(), asyncio.Event())
    await settled(publisher, subscriber)
    publisher.send(b"d.Odd", b"\0a\0b\0")
    await eventually(lambda: subscriber.take() == [b"\0a\0b\0"])
    subscriber.close()
    publisher.close()


async def test_peers_may_come_late_go_and_come_back(context: BusContext, runtime_dir: Path) -> None:
    subscriber = BusSubscriber(context, runtime_dir, ["trader", "watchdog"], DURABLE)
    subscriber.attach(asyncio.get_running_loop(), asyncio.Event())
    await asyncio.sleep(0.05)
    for _ in range(3):
        for name in ("trader", "watchdog"):
            publisher = BusPublisher(context, runtime_dir, name)
            await settled(publisher, subscriber)
            publisher.close()
    subscriber.close()


async def test_what_is_no_topic_and_payload_is_counted_and_said_once(
    context: BusContext, runtime_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    publisher = BusPublisher(context, runtime_dir, "trader")
    subscriber = BusSubscriber(context, runtime_dir, ["trader"], [b""])
    subscriber.attach(asyncio.get_running_loop(), asyncio.Event())
    await settled(publisher, subscriber)
    alien = publisher._bound.socket  # noqa: SLF001 - another program on the same path
    for frames in ([b"no end of topic"], [b"\0no topic"], [b"two", b"frames"]):
        alien.send_multipart(frames)
    await eventually(lambda: subscriber.malformed == 4)
    assert subscriber.take() == []
    assert [record.getMessage() for record in caplog.records] == [
        "bus frames that are no message: 1 so far, 1 new; the last: b'no end of topic'"
    ]
    subscriber.close()
    publisher.close()


async def test_a_service_that_does_not_take_makes_messages_wait_not_memory_grow(
    context: BusContext, runtime_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_INBOX", 100)
    publisher = BusPublisher(context, runtime_dir, "trader")
    subscriber = BusSubscriber(context, runtime_dir, ["trader"], DURABLE)
    subscriber.attach(asyncio.get_running_loop(), asyncio.Event())
    await settled(publisher, subscriber)
    for number in range(1000):
        publisher.send(b"d.Fill", b"%d" % number)
    await asyncio.sleep(0.1)
    taken = subscriber.take()
    assert len(taken) == 100

    def all_here() -> bool:
        taken.extend(subscriber.take())
        return len(taken) == 1000

    await eventually(all_here)
    assert taken == [b"%d" % number for number in range(1000)]
    subscriber.close()
    publisher.close()


def test_a_command_receives_without_a_loop(context: BusContext, runtime_dir: Path) -> None:
    publisher = BusPublisher(context, runtime_dir, "trader")
    subscriber = BusSubscriber(context, runtime_dir, ["trader"], DURABLE)
    assert subscriber.receive(0.01) == []
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        publisher.send(b"d.Fill", b"x")
        if subscriber.receive(0.05):
            break
    else:
        pytest.fail("nothing arrived")
    subscriber.close()
    publisher.close()


def test_a_peer_path_too_long_is_refused_before_anything_is_opened(context: BusContext) -> None:
    with pytest.raises(BusError, match="107 bytes"):
        BusSubscriber(context, Path("/" + "d" * 120), ["trader"], DURABLE)
