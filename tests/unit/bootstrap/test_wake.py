import asyncio
import threading

from polybot.bootstrap.wake import ThreadWake


async def test_another_thread_wakes_the_loop() -> None:
    event = asyncio.Event()
    wake = ThreadWake(event)
    wake.attach()
    thread = threading.Thread(target=wake)
    thread.start()
    async with asyncio.timeout(5):
        await event.wait()
    thread.join()


async def test_the_event_is_set_by_the_loop_and_not_by_the_thread() -> None:
    event = asyncio.Event()
    wake = ThreadWake(event)
    wake.attach()
    thread = threading.Thread(target=wake)
    thread.start()
    # The loop has had no turn since: an event of asyncio may only be touched inside it.
    thread.join()
    assert not event.is_set()
    async with asyncio.timeout(5):
        await event.wait()


async def test_before_the_loop_is_known_a_wake_is_harmless() -> None:
    event = asyncio.Event()
    ThreadWake(event)()
    await asyncio.sleep(0)
    assert not event.is_set()


def test_after_the_loop_has_closed_a_wake_is_harmless() -> None:
    event = asyncio.Event()
    wake = ThreadWake(event)

    async def attach() -> None:
        wake.attach()

    asyncio.run(attach())
    wake()
    assert not event.is_set()
