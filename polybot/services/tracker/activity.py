"""Follows the wallet's activity beside trading: redemptions, and flows that are not ours."""

import logging

import msgspec

from polybot.domain.activity import Activity, ActivityKind, with_keys
from polybot.messages.tracking import ExternalFlowSeen, WindowRedeemed
from polybot.ports.activity import ActivityAnswer
from polybot.services.tracker.needs import TrackerPorts

logger = logging.getLogger(__name__)

SECOND_NS = 1_000_000_000
# The service lags and orders rows by the block: what is older than this is complete.
OVERLAP_NS = 7_200 * SECOND_NS
# An answer that did not come by then (wall time) never will.
ANSWER_TIMEOUT_NS = 60 * SECOND_NS

News = WindowRedeemed | ExternalFlowSeen


class ActivityWatch(msgspec.Struct):
    """Asks now and then, and tells what the database does not have yet, each row once.

    The exchange redeems by itself, so a winner may turn into money without any order of ours.
    """

    ports: TrackerPorts
    interval_ns: int
    _next_ns: int = 0
    _asked_ns: int | None = None
    _failing: bool = False
    _unknown_kinds: set[str] = msgspec.field(default_factory=set)

    def turn(self) -> list[News]:
        """Return what is news, and ask again when it is time; may raise StorageError."""
        if not self.interval_ns or not self.ports.market_clock.ready():
            return []
        news: list[News] = []
        for answer in self.ports.activity.take():
            self._asked_ns = None
            news += self._read(answer)
        self._ask()
        return news

    def _ask(self) -> None:
        now = self.ports.clock.monotonic_ns()
        lost = self._asked_ns is not None and now - self._asked_ns >= ANSWER_TIMEOUT_NS
        if now < self._next_ns or (self._asked_ns is not None and not lost):
            return
        self._next_ns = now + self.interval_ns
        since_ns = self.ports.ledger.activity_since_ns()
        if not since_ns:
            # Before our first window nothing of this wallet is ours to explain.
            return
        self._asked_ns = now
        self.ports.activity.request(max(since_ns - OVERLAP_NS, 0) // SECOND_NS)

    def _read(self, answer: ActivityAnswer) -> list[News]:
        if answer.error is not None:
            # Once until it works again: the question is repeated, the line need not be.
            if not self._failing:
                logger.warning("no activity of the wallet: %s", answer.error)
            self._failing = True
            return []
        self._failing = False
        rows = {key: row for key, row in with_keys(answer.rows) if row.matters}
        known = self.ports.ledger.known_activity(tuple(rows))
        new = {key: row for key, row in rows.items() if key not in known}
        slugs = self.ports.ledger.slugs_of(sorted({row.condition_id for row in new.values()}))
        oldest_first = sorted(new.items(), key=lambda item: item[1].at_ns)
        return [self._tell(key, row, slugs) for key, row in oldest_first]

    def _tell(self, key: str, row: Activity, slugs: dict[str, str]) -> News:
        slug = slugs.get(row.condition_id, "")
        if row.kind == ActivityKind.REDEEM.value:
            logger.info("redeemed: %s paid $%.2f", row.slug or slug, row.stated_usdc / 1e6)
            return WindowRedeemed(
                key=key,
                slug=slug or row.slug,
                condition_id=row.condition_id,
                amount_usdc=row.stated_usdc,
                redeemed_ns=row.at_ns,
                token_id=row.token_id,
                transaction_hash=row.transaction_hash,
            )
        if not row.is_documented and row.kind not in self._unknown_kinds:
            self._unknown_kinds.add(row.kind)
            logger.warning("the exchange names an unknown kind of activity: %s", row.kind)
        return ExternalFlowSeen(
            key=key,
            kind=row.kind,
            amount_usdc=row.cash_usdc,
            stated_usdc=row.stated_usdc,
            set_shares=row.set_shares,
            at_ns=row.at_ns,
            slug=slug,
            condition_id=row.condition_id,
            transaction_hash=row.transaction_hash,
        )
