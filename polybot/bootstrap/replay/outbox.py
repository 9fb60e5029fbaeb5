"""The trader's voice in a replay: every event it records is held against the journal's."""

from typing import Any

from polybot.bootstrap.replay.difference import Difference, compare
from polybot.bootstrap.replay.journal import DECISION, SessionEvents
from polybot.messages.codec import encode, encode_body
from polybot.messages.envelope import Envelope
from polybot.ports import Clock


class ComparingOutbox:
    """Makes each event's envelope as the session did and compares the bytes.

    After the first `difference` nothing more is compared: what follows from it differs too.
    """

    source = "trader"

    def __init__(self, session: str, last_seq: int, events: SessionEvents, clock: Clock) -> None:
        self.session = session
        self.same = 0
        self.decisions = 0
        self.difference: Difference | None = None
        self._seq = last_seq
        self._events = events
        self._clock = clock

    def record(
        self, event: Any, *, ts_event: int | None = None, correlation_id: str = ""
    ) -> Envelope:
        """Compare an event with the journal's next one."""
        now_ns = self._clock.now_ns()
        self._seq += 1
        envelope = Envelope(
            type=type(event).__name__,
            source=self.source,
            session=self.session,
            seq=self._seq,
            durable=True,
            ts_event=now_ns if ts_event is None else ts_event,
            ts_init=now_ns,
            correlation_id=correlation_id,
            body=encode_body(event),
        )
        if self.difference is None:
            self._compare(envelope)
        return envelope

    def commit(self) -> None:
        """Have nothing to sync."""

    def say(self, event: Any, *, ts_event: int | None = None) -> None:
        """Tell nobody."""

    def last_seq(self) -> int:
        """Return the seq of the newest event."""
        return self._seq

    def step_over(self, event_type: str) -> None:
        """Pass the journal's next event when it is one that the process records, not the trader."""
        known = self._events.peek()
        if known is not None and known[0].type == event_type:
            self._events.take()
            self._seq += 1

    def expect_seq(self, seq: int) -> None:
        """Note a difference when the trader recorded less, or more, than it did up to here."""
        if self.difference is not None or seq == self._seq:
            return
        known = self._events.peek()
        recorded = known[0] if known is not None else None
        self.difference = Difference(
            seq=min(seq, self._seq) + 1, recorded=recorded, recomputed=None, fields=()
        )

    def _compare(self, envelope: Envelope) -> None:
        recorded = self._events.take()
        payload = encode(envelope)
        if recorded is not None and recorded[1] == payload:
            self.same += 1
            self.decisions += envelope.type == DECISION
            return
        known, bytes_of = recorded if recorded is not None else (None, None)
        self.difference = Difference(
            seq=self._seq,
            recorded=known,
            recomputed=envelope,
            fields=compare(bytes_of, payload),
        )
