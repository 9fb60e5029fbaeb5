"""Preflight of each window: asks the exchange again shortly before it opens, and keeps the verdict.

Off the hot path: what a verdict says is a dictionary look-up when an order is judged.
"""

import logging

import msgspec

from polybot.domain.market import Market
from polybot.domain.preflight import (
    ListedAtClob,
    Objection,
    PreflightFacts,
    figures,
    objections,
)
from polybot.domain.trading_state import TradingState
from polybot.domain.window import parse_slug
from polybot.exchange.meanings import ADVICE, CLOSED_ONLY
from polybot.messages.trading import PreflightFinished
from polybot.ports import Preflight
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.claims import TradingClaims
from polybot.services.trader.windows import WindowSchedule

logger = logging.getLogger(__name__)

SECOND_NS = 1_000_000_000
# The first question goes out this long (market time) before a window opens.
LEAD_NS = 45 * SECOND_NS
# Wall time: until an answer is given up, until what could not be read is asked for again, until an
# objection is tried again, until even a good verdict is too old (windows last up to four hours).
LOST_NS = 15 * SECOND_NS
REREAD_NS = SECOND_NS
RETRY_NS = 5 * SECOND_NS
RENEW_NS = 900 * SECOND_NS
# The same objections to one window after another are one line in this time (wall time).
SAY_AGAIN_NS = 60 * SECOND_NS
PENDING = "preflight: not answered yet"


class _Verdict(msgspec.Struct):
    """What is known of a window: None while nothing was answered."""

    asked_ns: int
    found: tuple[Objection, ...] | None = None
    said: tuple[str, ...] | None = None
    waiting: bool = True
    again_ns: int = RENEW_NS


class WindowChecks(msgspec.Struct):
    """Entries of a window wait for a verdict without objections; exits never do.

    `listed` collects what the order book's service says of markets, to be taken over.
    """

    books: Bookkeeper
    claims: TradingClaims
    preflight: Preflight
    schedule: WindowSchedule
    max_skew_s: float
    listed: dict[str, ListedAtClob] = msgspec.field(default_factory=dict)
    _verdicts: dict[str, _Verdict] = msgspec.field(default_factory=dict)
    _logged_ns: dict[tuple[str, ...], int] = msgspec.field(default_factory=dict)

    def turn(self, market_ns: int, mono_ns: int) -> None:
        """Take what was read, and ask for what is due."""
        for facts in self.preflight.take():
            self._judge(facts, mono_ns)
        known = self.schedule.known
        for slug in [slug for slug in self._verdicts if slug not in known]:
            del self._verdicts[slug]
        for market in known.values():
            soon = market.open_ns - LEAD_NS <= market_ns < market.close_ns
            if soon and self._is_due(market.slug, mono_ns):
                self._ask(market, mono_ns)

    def ask_again(self, slug: str, mono_ns: int) -> None:
        """Read a market anew, because the exchange refused what we believe of it."""
        market = self.schedule.known.get(slug)
        if market is not None:
            self._ask(market, mono_ns)

    def is_waiting(self, slug: str) -> bool:
        """Return whether an answer about a window is still to come."""
        verdict = self._verdicts.get(slug)
        return verdict is None or verdict.waiting

    def objection(self, slug: str) -> str:
        """Return why a window must not be entered now, "" when it may be."""
        stopped = self._stopped(slug)
        if stopped:
            return stopped
        verdict = self._verdicts.get(slug)
        if verdict is None or verdict.found is None:
            return PENDING
        return str(verdict.found[0]) if verdict.found else ""

    def describe(self, slugs: list[str]) -> str:
        """Say which of the windows are not entered, and why; "" when all may be."""
        refused = [f"no entries in {slug}: {why}" for slug, why in self._answered(slugs) if why]
        return "; ".join(refused)

    def _stopped(self, slug: str) -> str:
        stopped = self.books.state.stopped
        return stopped.get(parse_slug(slug).series.name, "") if stopped else ""

    def _answered(self, slugs: list[str]) -> list[tuple[str, str]]:
        return [
            (slug, self.objection(slug))
            for slug in slugs
            if (verdict := self._verdicts.get(slug)) is not None and verdict.found is not None
        ]

    def _is_due(self, slug: str, mono_ns: int) -> bool:
        verdict = self._verdicts.get(slug)
        if verdict is None:
            return True
        age = mono_ns - verdict.asked_ns
        if verdict.waiting:
            return age >= LOST_NS
        return age >= verdict.again_ns

    def _ask(self, market: Market, mono_ns: int) -> None:
        verdict = self._verdicts.setdefault(market.slug, _Verdict(mono_ns))
        verdict.asked_ns, verdict.waiting = mono_ns, True
        self.preflight.request(market)

    def _judge(self, facts: PreflightFacts, mono_ns: int) -> None:
        verdict = self._verdicts.get(facts.slug)
        market = self.schedule.known.get(facts.slug)
        if verdict is None or market is None:
            return
        verdict.waiting = False
        verdict.found = objections(facts, market, max_skew_s=self.max_skew_s)
        verdict.again_ns = RETRY_NS if verdict.found else RENEW_NS
        if facts.failures:
            verdict.again_ns = REREAD_NS
        if facts.listed is not None and not facts.listed.refusal:
            self.listed[facts.slug] = facts.listed
        self._mind_a_ban(facts)
        self._say(facts, verdict, mono_ns)

    def _say(self, facts: PreflightFacts, verdict: _Verdict, mono_ns: int) -> None:
        """Record a verdict when it names other checks than the last one of its window."""
        found = verdict.found or ()
        checks = tuple(objection.check for objection in found)
        if checks == verdict.said:
            return
        recovered = bool(verdict.said)
        verdict.said = checks
        reasons = tuple(map(str, found))
        self.books.record(
            PreflightFinished(
                slug=facts.slug, may_enter=not found, reasons=reasons, figures=figures(facts)
            )
        )
        if not (found or recovered) or not self._is_fresh(checks, mono_ns):
            return
        if found:
            logger.warning("no entries in %s because of %s", facts.slug, "; ".join(reasons))
        else:
            logger.info("%s may be entered now", facts.slug)

    def _is_fresh(self, checks: tuple[str, ...], mono_ns: int) -> bool:
        """Return whether a line about these checks is due; every verdict is in the journal."""
        logged_ns = self._logged_ns.get(checks)
        if logged_ns is not None and mono_ns - logged_ns < SAY_AGAIN_NS:
            return False
        self._logged_ns[checks] = mono_ns
        return True

    def _mind_a_ban(self, facts: PreflightFacts) -> None:
        if facts.closed_only:
            self.claims.claim(CLOSED_ONLY, TradingState.REDUCING, ADVICE[CLOSED_ONLY])
        elif facts.closed_only is False:
            self.claims.clear(CLOSED_ONLY)
