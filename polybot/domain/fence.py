"""The fence: an epoch that only ever rises, and the phases in which a silent trader is shut out.

A trader's session begins under the epoch it finds; once the epoch is another one, that session
posts nothing any more, whatever it still had in its hands. What follows can take its time.
"""

import enum
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from polybot.errors import InvalidTransition

SECOND_NS = 1_000_000_000
# An order that waited longer than this between its turn and the wire is too old to leave.
STALE_NS = 2 * SECOND_NS
# Two listings this far apart without an order of ours: what was on its way has arrived.
APART_NS = 5 * SECOND_NS
SWEEP_AGAIN_NS = SECOND_NS
FIRST_PATIENCE_NS = SECOND_NS
LONGEST_PATIENCE_NS = 30 * SECOND_NS


class FenceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The fence as it is kept: `is_cleared` once nothing of an older epoch rests at the exchange.

    Epoch 0 means that no trader was ever shut out. `raised_ns` is wall time.
    """

    epoch: int
    is_cleared: bool = True
    raised_ns: int = 0
    reason: str = ""


class FencePhase(enum.Enum):
    """How far the watchdog is with a trader it misses."""

    WATCHING = "watching"
    RAISED = "raised"
    CANCELING = "canceling"
    CLEARED = "cleared"


class FenceTrigger(enum.Enum):
    """What moves the watchdog from one phase to the next."""

    MISS = "miss"
    END = "end"
    FIND_NOTHING = "find_nothing"
    RETURN = "return"


_P = FencePhase
_T = FenceTrigger

FENCE_TABLE: Mapping[tuple[FencePhase, FenceTrigger], FencePhase] = MappingProxyType(
    {
        (_P.WATCHING, _T.MISS): _P.RAISED,
        # Killed, gone already, or not to be killed: the epoch keeps it from posting in any case.
        (_P.RAISED, _T.END): _P.CANCELING,
        (_P.CANCELING, _T.FIND_NOTHING): _P.CLEARED,
        # The trader that came back meanwhile is missed too.
        (_P.CANCELING, _T.MISS): _P.RAISED,
        # Only a trader that was heard again can be missed again.
        (_P.CLEARED, _T.RETURN): _P.WATCHING,
    }
)


def next_phase(phase: FencePhase, trigger: FenceTrigger) -> FencePhase:
    """Return the phase after `trigger`; raise InvalidTransition when the table has no such row."""
    try:
        return FENCE_TABLE[phase, trigger]
    except KeyError:
        allowed = ", ".join(t.value for p, t in FENCE_TABLE if p is phase)
        raise InvalidTransition(
            f"expected for a fence that is {phase.value}: {allowed}; was {trigger.value}"
        ) from None


class Sweeps(msgspec.Struct, frozen=True, kw_only=True):
    """What the listings since the fence was raised have shown; times are CLOCK_MONOTONIC.

    `empty_ns` is the first of the listings without an order of ours in a row, None after one with.
    """

    next_ns: int = 0
    empty_ns: int | None = None
    failures: int = 0
    is_done: bool = False

    def after(self, found: int, now_ns: int) -> "Sweeps":
        """Return what follows from a listing with `found` orders of ours."""
        if found:
            return Sweeps(next_ns=now_ns + SWEEP_AGAIN_NS)
        first_ns = now_ns if self.empty_ns is None else self.empty_ns
        return Sweeps(
            next_ns=first_ns + APART_NS,
            empty_ns=first_ns,
            is_done=now_ns - first_ns >= APART_NS,
        )

    def after_failure(self, now_ns: int) -> "Sweeps":
        """Return what follows when the exchange could not be asked: patience that doubles."""
        patience_ns = min(FIRST_PATIENCE_NS << min(self.failures, 10), LONGEST_PATIENCE_NS)
        return msgspec.structs.replace(
            self, next_ns=now_ns + patience_ns, failures=self.failures + 1
        )
