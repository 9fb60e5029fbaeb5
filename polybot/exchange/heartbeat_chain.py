"""The chain of heartbeat ids: each beat carries the id that the answer before it named.

The exchange's documentation: a wrong id is refused with the one that was expected. That proves
another sender only where nothing of our own can explain it.
"""

from collections import deque

import msgspec

from polybot.exchange.error_texts import INVALID_HEARTBEAT
from polybot.exchange.wire_account import HeartbeatAnswer

SECOND_NS = 1_000_000_000
# Without a beat for this long the exchange ends the chain, and what it expects then is its own.
ALIVE_NS = 10 * SECOND_NS
# A beat of an earlier life of this process may still arrive after the first of this one.
SETTLED_BEATS = 2
_REMEMBERED = 32


class Beat(msgspec.Struct, frozen=True):
    """A heartbeat on its way: its id, and whether nothing of ours could explain its refusal."""

    heartbeat_id: str
    is_proof: bool


class HeartbeatChain:
    """Follows the ids of one account's heartbeats; times are monotonic.

    Not safe for threads: its owner calls it under a lock.
    """

    def __init__(self) -> None:
        self.heartbeat_id = ""
        self._named: deque[str] = deque(maxlen=_REMEMBERED)
        self._under_way = 0
        self._accepted_in_a_row = 0
        self._accepted_ns = 0

    def begin(self, mono_ns: int) -> Beat:
        """Return the next beat to send."""
        is_alive = mono_ns - self._accepted_ns < ALIVE_NS
        is_proof = (
            bool(self.heartbeat_id)
            and not self._under_way
            and is_alive
            and self._accepted_in_a_row >= SETTLED_BEATS
        )
        self._under_way += 1
        return Beat(self.heartbeat_id, is_proof)

    def answered(self, beat: Beat, answer: HeartbeatAnswer, mono_ns: int) -> bool:
        """Take the answer to a beat; return whether somebody else sent one in between."""
        self._under_way -= 1
        expected = answer.heartbeat_id
        self.heartbeat_id = expected
        if expected and not answer.error_msg:
            self._named.append(expected)
            self._accepted_in_a_row += 1
            self._accepted_ns = mono_ns
            return False
        is_refused = INVALID_HEARTBEAT in answer.error_msg and bool(expected)
        is_foreign = beat.is_proof and is_refused and expected not in self._named
        if not is_foreign:
            self._accepted_in_a_row = 0
        return is_foreign

    def lost(self) -> None:
        """Take note that a beat was not answered: the chain begins anew."""
        self._under_way -= 1
        self._accepted_in_a_row = 0
        self.heartbeat_id = ""
