"""A durable intent, recorded and synced, beside one write and fdatasync in a preallocated file."""

import os
import tempfile
from pathlib import Path
from time import perf_counter_ns

from polybot.adapters.clock import SystemClock
from polybot.messages.codec import decode_body, decode_envelope
from polybot.messages.trading import OrderSubmitted
from polybot.runtime.disk import create_zeroed
from polybot.runtime.journal import Journal, JournalSettings
from polybot.runtime.journal_format import HEADER_BYTES
from polybot.runtime.outbox import JournaledOutbox
from tests.bench.harness import Budget, Row, interleave, microseconds
from tests.bench.signing import ORDER, Ours
from tests.bench.trading_stand import SESSION, Published

# Few at a time, so that both sides meet the disk in the same mood.
BURST = 5
REPEAT = 4
FILE_BYTES = JournalSettings().segment_bytes


class RawFile:
    """A preallocated file that is written through and synced, round and round."""

    def __init__(self, path: Path, data: bytes) -> None:
        create_zeroed(path, FILE_BYTES)
        self._descriptor = os.open(path, os.O_RDWR)
        self._data = data
        self._offset = 0

    def step(self) -> int:
        """Write and sync once and return the nanoseconds that took."""
        begin = perf_counter_ns()
        os.pwrite(self._descriptor, self._data, self._offset)
        os.fdatasync(self._descriptor)
        end = perf_counter_ns()
        self._offset = (self._offset + len(self._data)) % (FILE_BYTES - len(self._data))
        return end - begin

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class DurableIntents:
    """The trader's outbox over a journal of its own."""

    def __init__(self, directory: Path, event: OrderSubmitted) -> None:
        self._journal = Journal.open(directory)
        self._outbox = JournaledOutbox(
            "trader", SESSION, journal=self._journal, sender=Published(), clock=SystemClock()
        )
        self._event = event
        self.steps = 0

    def step(self) -> int:
        """Record and commit once and return the nanoseconds that took."""
        self.steps += 1
        begin = perf_counter_ns()
        self._outbox.record(self._event, correlation_id=ORDER.intent_id)
        self._outbox.commit()
        return perf_counter_ns() - begin

    def record_bytes(self) -> int:
        """Return the size of the newest record on disk."""
        (payload,) = self._journal.payloads_from(self._journal.last_seq, 1)
        return HEADER_BYTES + len(payload)

    def close(self) -> None:
        """Let go of the journal."""
        self._journal.close()


def measure(rounds: int) -> list[Row]:
    """Return the row."""
    event = _event()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        ours = DurableIntents(directory / "journal", event)
        ours.step()
        raw = RawFile(directory / "raw", os.urandom(ours.record_bytes()))
        taken = interleave(
            {"ours": ours.step, "raw": raw.step}, rounds=rounds * REPEAT, burst=BURST
        )
        size = ours.record_bytes()
        raw.close()
        ours.close()
        _check(directory / "journal", event, ours.steps)
    return [
        Row(
            name="durable intent vs one fdatasync",
            unit="us",
            ours=microseconds(taken.median_ns("ours")),
            peer=microseconds(taken.median_ns("raw")),
            ratio=taken.ratio("ours", "raw"),
            budget=Budget(1.3),
            beside=f"a record of {size} bytes",
        )
    ]


def _event() -> OrderSubmitted:
    ours = Ours()
    ours.step()
    return OrderSubmitted(
        order=ORDER, decision_id="d-bench-1", body=ours.wire.calls[0].body.decode()
    )


def _check(directory: Path, event: OrderSubmitted, steps: int) -> None:
    """Assert that another opening of the journal finds every intent, whole."""
    journal = Journal.open(directory)
    payloads = journal.payloads_from(1, steps)
    while len(payloads) < journal.last_seq:
        payloads += journal.payloads_from(len(payloads) + 1, steps)
    assert len(payloads) == steps, f"expected {steps} intents, was {len(payloads)}"
    for payload in (payloads[0], payloads[-1]):
        envelope = decode_envelope(payload)
        assert decode_body(envelope.type, envelope.body) == event
    journal.close()
