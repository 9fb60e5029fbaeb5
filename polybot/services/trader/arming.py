"""The trader's side of arming: without a person's leave in force it only reduces."""

import logging
from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass, field
from typing import Protocol

from polybot.domain.arming import ArmingState, ArmingVerdict, judge, unproven
from polybot.domain.trading_state import TradingState
from polybot.errors import StorageError
from polybot.messages.safety import ArmingChanged
from polybot.ports import ArmingStore, Clock
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.claims import TradingClaims

logger = logging.getLogger(__name__)

ARMING = "arming"
LOOK_NS = 500_000_000
ENDED = "the arming has expired, and the clock was set back since; run: polybot arm"


class Leave(Protocol):
    """What the service asks: look again, and say how it stands."""

    def turn(self, mono_ns: int, versions: Iterable[str]) -> None:
        """Claim or clear by the arming; `versions` are the protocols of the open markets."""

    def look_now(self) -> str:
        """Look at once; returns how it stands in a sentence."""


class NoLeaveNeeded:
    """Stands where the exchange is simulated: nothing real can be ordered there."""

    def turn(self, mono_ns: int, versions: Iterable[str]) -> None:
        """Do nothing."""

    def look_now(self) -> str:
        """Say why there is nothing to arm."""
        return "this floor trades on a simulated exchange: arming changes nothing here"


@dataclass(slots=True)
class ArmingWatch:
    """Looks twice a second at the arming; every change of it is one durable event.

    The claim it holds is its own source's: `polybot resume` does not lift it.
    """

    store: ArmingStore
    books: Bookkeeper
    claims: TradingClaims
    clock: Clock
    _: KW_ONLY
    funder: str
    signature_type: int
    wallet_problem: str = ""
    _looked_ns: int | None = None
    _versions: tuple[str, ...] = ()
    _reason: str = field(default="")

    def turn(self, mono_ns: int, versions: Iterable[str]) -> None:
        """Look when it is time to."""
        seen, self._versions = self._versions, tuple(sorted(versions))
        # A market of another protocol is judged before anything is decided in it.
        known = self._looked_ns is not None and self._versions == seen
        if known and self._looked_ns is not None and mono_ns - self._looked_ns < LOOK_NS:
            return
        self._looked_ns = mono_ns
        self._look()

    def look_now(self) -> str:
        """Look at once; returns how it stands."""
        return self._look().detail

    def _look(self) -> ArmingVerdict:
        verdict = self._verdict()
        self._tell(verdict)
        reason = "" if verdict.allows_entries else verdict.detail
        if verdict.allows_entries and verdict.arming is not None:
            untried = unproven(verdict.arming, self._versions)
            if untried:
                reason = (
                    f"armed, but no order was tried in a market of protocol {', '.join(untried)}; "
                    "run: polybot arm"
                )
        self._hold(reason)
        return verdict

    def _verdict(self) -> ArmingVerdict:
        try:
            arming = self.store.read()
        except StorageError as error:
            return ArmingVerdict(state=ArmingState.REFUSED, detail=str(error))
        verdict = judge(
            arming,
            funder=self.funder,
            signature_type=self.signature_type,
            now_ns=self.clock.now_ns(),
            wallet_problem=self.wallet_problem,
        )
        if verdict.allows_entries and self._has_ended(verdict):
            return ArmingVerdict(
                state=ArmingState.EXPIRED, detail=ENDED, warnings=2, arming=verdict.arming
            )
        return verdict

    def _has_ended(self, verdict: ArmingVerdict) -> bool:
        """Return whether this very arming was seen at its end, also in an earlier life."""
        known, arming = self.books.state.arming, verdict.arming
        return (
            known is not None
            and arming is not None
            and known.state == ArmingState.EXPIRED.value
            and (known.armed_ns, known.expires_ns) == (arming.armed_ns, arming.expires_ns)
        )

    def _hold(self, reason: str) -> None:
        held = [c for c in self.books.state.claims if c.source == ARMING]
        if not reason:
            self.claims.clear(ARMING)
        elif not held or held[0].reason != reason:
            # The same state for another reason is a claim of its own: a person must see why.
            self.claims.clear(ARMING)
            self.claims.claim(ARMING, TradingState.REDUCING, reason)

    def _tell(self, verdict: ArmingVerdict) -> None:
        event = _event_of(verdict)
        known = self.books.state.arming
        if known is not None and _same(known, event):
            return
        self.books.record(event)
        level = logging.INFO if verdict.state is ArmingState.ARMED else logging.WARNING
        logger.log(level, "arming: %s", verdict.detail)


def _event_of(verdict: ArmingVerdict) -> ArmingChanged:
    arming = verdict.arming
    if arming is None:
        return ArmingChanged(state=verdict.state.value, detail=verdict.detail)
    return ArmingChanged(
        state=verdict.state.value,
        detail=verdict.detail,
        warnings=verdict.warnings,
        funder=arming.funder,
        signature_type=arming.signature_type,
        versions=arming.versions,
        armed_ns=arming.armed_ns,
        expires_ns=arming.expires_ns,
        by=arming.by,
    )


def _same(known: ArmingChanged, event: ArmingChanged) -> bool:
    """Return whether nothing but the time left differs."""
    return (known.state, known.warnings, known.funder, known.armed_ns, known.expires_ns) == (
        event.state,
        event.warnings,
        event.funder,
        event.armed_ns,
        event.expires_ns,
    )
