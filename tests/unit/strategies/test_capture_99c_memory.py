"""The memory of the 99c capture survives a checkpoint exactly."""

import msgspec

from polybot.domain.danger import Peak
from polybot.domain.entry_filter import AskHistory
from polybot.domain.exits import ExitCounters, ExitReason
from polybot.strategies.capture_99c_memory import CaptureMemory


def test_a_memory_comes_back_from_json_as_it_was() -> None:
    memory = CaptureMemory(
        slug="btc-updown-5m-1787236800",
        asks=AskHistory(up=(9700, 10_000), down=(400, 300)),
        peak=Peak(price_bps=9900, confidence_bps=9600),
        counters=ExitCounters(hard_stop=1, danger=2),
        exit_reason=ExitReason.HARD_STOP,
        trend_blocked=True,
        entry_tries=2,
        last_entry_ns=7,
        last_exit_ns=8,
        lock_tries=1,
        last_lock_ns=9,
        lock_dropped=True,
    )
    text = msgspec.json.encode(memory)
    assert msgspec.json.decode(text, type=CaptureMemory) == memory
    assert len(text) < 1000
