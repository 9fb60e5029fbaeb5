"""The judge: what must hold after a recovery, each rule by its name.

Every check takes the evidence and returns a sentence for each thing that is wrong. Those of
`ALWAYS` hold at every moment, those of `WHILE_DEAD` between a kill and the next start, those of
`SOON` once what is on its way has arrived, those of `AT_REST` when no order is under way any more.
"""

from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import Any, Final

import msgspec

from polybot.bootstrap.chaos.books import exchange_fills
from polybot.domain.order import Order, OrderStatus, Side
from polybot.domain.trading_state import OPERATOR
from polybot.domain.worst_case import reservation_usdc
from polybot.services.trader.state import TraderState
from tests.prove.evidence import Event, Evidence, Intent

Check = Callable[[Evidence], list[str]]

PENDING: Final = frozenset({OrderStatus.INITIALIZED, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN})
# An order of these states never stood in the exchange's book, nor did it trade.
_NEVER_THERE: Final = frozenset({"KILLED"})


class Verdict(Enum):
    """What a finding means: something happened twice, got lost, or is not equal."""

    DUPLICATE = "duplicates"
    LOST = "lost"
    DIFFERENCE = "differences"


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong, and the check that found it."""

    check: str
    verdict: Verdict
    detail: str


def every_order_has_one_intent(evidence: Evidence) -> list[str]:
    """Each order at the exchange was written down by the trader, exactly once."""
    intents = evidence.trader.intents
    return [
        f"order {row['order_id']} at the exchange has no intent in the journal"
        for row in evidence.exchange["orders"]
        if row["order_id"] not in intents
    ]


def no_intent_is_written_twice(evidence: Evidence) -> list[str]:
    """No order id was written down by two intents."""
    return [
        f"order {order_id} was written down {len(intents)} times"
        for order_id, intents in evidence.trader.intents.items()
        if len(intents) > 1
    ]


def nothing_is_posted_twice(evidence: Evidence) -> list[str]:
    """No order's bytes left the trader twice."""
    counts = Counter(post.body for post in evidence.requests.posts)
    ids = evidence.trader.by_body
    return [
        f"order {ids.get(body, body[:80])} was posted {count} times"
        for body, count in counts.items()
        if count > 1
    ]


def nothing_is_posted_unwritten(evidence: Evidence) -> list[str]:
    """Nothing was posted that no journal holds."""
    ids = evidence.trader.by_body
    return [
        f"a posted order is in no journal: {post.body[:160]}"
        for post in evidence.requests.posts
        if post.body not in ids
    ]


def nothing_recovered_is_posted(evidence: Evidence) -> list[str]:
    """No order of an earlier session was posted once a later one had begun."""
    over = {session.name: session.over_ns for session in evidence.trader.sessions}
    found = []
    for post in evidence.requests.posts:
        intent = _intent_of(evidence, post.body)
        if intent is None:
            continue
        over_ns = over.get(intent.session, 0)
        if over_ns and post.wall_ns > over_ns:
            late_ms = (post.wall_ns - over_ns) / 1e6
            found.append(
                f"order {intent.order.venue_order_id} of session {intent.session} was posted "
                f"{late_ms:.0f} ms after that session was over"
            )
    return found


def nothing_is_sent_before_the_reconcile(evidence: Evidence) -> list[str]:
    """In each session the first order comes after the first reconcile."""
    reconciled = {s.name: s.reconciled_seq for s in evidence.trader.sessions}
    return [
        f"order {order_id} was written down in session {intent.session} before it had reconciled"
        for order_id, intents in evidence.trader.intents.items()
        for intent in intents
        if not 0 < reconciled[intent.session] < intent.seq
    ]


def stops_keep_their_times(evidence: Evidence) -> list[str]:
    """Keep stops over a restart, since the same moment; only a person ends his own."""
    found = []
    for session in evidence.trader.sessions[1:]:
        if session.claims_told is None:
            continue
        held = {claim.source: claim.since_ns for claim in session.claims_before}
        told = {claim.source: claim.since_ns for claim in session.claims_told}
        for source, since_ns in held.items():
            # Whoever is heard again takes his own claim back at once: that is no loss.
            if told.get(source) != since_ns and (source in told or source == OPERATOR):
                found.append(
                    f"session {session.name} began with the stop of {source} since "
                    f"{told.get(source)}, was since {since_ns}"
                )
    return found


def the_journal_can_be_applied(evidence: Evidence) -> list[str]:
    """Every event fits the state that the events before it made; no journal is damaged."""
    damaged = [journal.damage for journal in evidence.journals.values() if journal.damage]
    return [*evidence.trader.misfits, *damaged]


def a_start_restores_the_whole_journal(evidence: Evidence) -> list[str]:
    """Hold what a start restores against the whole journal: results, losses, stops, positions.

    A checkpoint forgets windows that are long over; whatever it holds must be the same.
    """
    if evidence.restored is None:
        return []
    whole, restored = evidence.trader.state, evidence.restored
    found = []
    for name in _RESTORED_WHOLE:
        ours, theirs = getattr(restored, name), getattr(whole, name)
        if ours != theirs:
            found.append(f"a start restores {name} as {ours!r}, the journal says {theirs!r}")
    for name in _RESTORED_PARTLY:
        kept = getattr(whole, name)
        found += [
            f"a start restores {name} {key} as {value!r}, the journal says {kept.get(key)!r}"
            for key, value in getattr(restored, name).items()
            if kept.get(key) != value
        ]
    for order in whole.open_orders():
        if order.venue_order_id not in restored.orders:
            found.append(f"a start does not restore the open order {order.venue_order_id}")
    return found


# What the clock makes a process forget is compared as far as it is there.
_RESTORED_WHOLE: Final = (
    "cash_usdc",
    "claims",
    "last_loss_ns",
    "losses_in_a_row",
    "day",
    "day_pnl_usdc",
    "salts",
    "unredeemed",
    "stopped",
)
_RESTORED_PARTLY: Final = ("orders", "fills", "positions", "settled", "paid")


def fills_are_equal(evidence: Evidence) -> list[str]:
    """Both sides know the same trades, with the same price, size and fee."""
    ours = {
        (f.trade_id, f.venue_order_id, f.side.value, f.price_bps, f.size_shares, f.fee_usdc)
        for f in evidence.trader.state.fills.values()
        if f.counts
    }
    theirs = exchange_fills(evidence.exchange)
    return [f"fill only in our books: {fill}" for fill in sorted(ours - theirs)] + [
        f"fill only at the exchange: {fill}" for fill in sorted(theirs - ours)
    ]


def cash_is_equal(evidence: Evidence) -> list[str]:
    """Our cash is the exchange's, to the micro-dollar; what it has yet to pay out is not cash."""
    account = _account(evidence)
    if account is None:
        return []
    ours = _cash(evidence.trader.state, account)
    theirs = int(account["cash_usdc"]) - sum(usdc for _, _, usdc in _paid_early(evidence))
    return [] if ours == theirs else [f"cash: {ours} in our books, {theirs} at the exchange"]


def shares_are_equal(evidence: Evidence) -> list[str]:
    """We hold what the exchange says we hold, to the micro-share."""
    account = _account(evidence)
    if account is None:
        return []
    state = evidence.trader.state
    ours: Counter[str] = Counter()
    for (_, token_id), position in state.positions.items():
        if token_id not in state.settled:
            ours[token_id] += position.shares
    theirs = Counter[str](
        {
            token_id: int(size)
            for token_id, size in account["shares"].items()
            if token_id not in state.settled
        }
    )
    for token_id, size, _ in _paid_early(evidence):
        theirs[token_id] += size
    held = {token_id: size for token_id, size in ours.items() if size}
    there = {token_id: size for token_id, size in theirs.items() if size}
    if held == there:
        return []
    return [f"shares: {held} in our books, {there} at the exchange"]


def reserves_are_equal(evidence: Evidence) -> list[str]:
    """Compare the orders we believe to rest with those that do, and what they may cost."""
    state = evidence.trader.state
    ours = {order.venue_order_id: _open(order, state) for order in state.open_orders()}
    resting = {
        row["order_id"]: row for row in evidence.exchange["orders"] if row["state"] == "LIVE"
    }
    found = [f"open only in our books: {each}" for each in sorted(ours.keys() - resting.keys())]
    found += [f"open only at the exchange: {each}" for each in sorted(resting.keys() - ours.keys())]
    for order_id in ours.keys() & resting.keys():
        row, (side, left, reserved) = resting[order_id], ours[order_id]
        left_there = int(row["size_shares"]) - int(row["filled_shares"])
        # A resting order pays no fee: it reserves its price.
        least = -(-int(row["limit_bps"]) * left_there // 10_000) if side == "BUY" else 0
        if left != left_there or reserved < least:
            found.append(
                f"order {order_id}: {left} shares open and {reserved} reserved in our books, "
                f"{left_there} open at the exchange, which may cost {least}"
            )
    return found


def ended_intents_are_true(evidence: Evidence) -> list[str]:
    """Find what we call rejected or never placed in no book, and what we call placed in one."""
    there = {row["order_id"]: row for row in evidence.exchange["orders"]}
    traded = {row["order_id"] for row in evidence.exchange["executions"]}
    found = []
    for order_id, order in evidence.trader.state.orders.items():
        row = there.get(order_id)
        was_there = row is not None and (row["state"] not in _NEVER_THERE or order_id in traded)
        if order.status in (OrderStatus.REJECTED, OrderStatus.NOT_PLACED) and was_there:
            found.append(f"order {order_id} is {order.status.value} here and was placed there")
        elif order.status not in PENDING | _REFUSED and row is None:
            found.append(f"order {order_id} is {order.status.value} here and was never there")
    return found


_REFUSED: Final = frozenset({OrderStatus.REJECTED, OrderStatus.NOT_PLACED, OrderStatus.DENIED})


def every_intent_ended(evidence: Evidence) -> list[str]:
    """Nothing is under way any more: each intent is placed, rejected or proved never placed."""
    return [
        f"order {order_id} is still {order.status.value}"
        for order_id, order in evidence.trader.state.orders.items()
        if order.status in PENDING | {OrderStatus.PENDING_CANCEL}
    ]


def what_was_paid_out_is_settled(evidence: Evidence) -> list[str]:
    """Know of every window that the exchange paid out to us."""
    return [
        f"{size} shares of {token_id} were paid out and are not settled in our books"
        for token_id, size, _ in _paid_early(evidence)
    ]


def the_database_holds_each_event_once(evidence: Evidence) -> list[str]:
    """Every durable event of the journals is in the database, once, with the same bytes."""
    found = [f"in the database twice: {each}" for each in evidence.database.twice]
    found += [f"a conflict in the database: {each}" for each in evidence.database.conflicts]
    for source, journal in evidence.journals.items():
        stored = evidence.database.events.get(source, {})
        found += _stored_wrongly(source, journal.events, stored, journal.last_seq)
    return found


def _stored_wrongly(
    source: str, written: dict[int, Event], stored: dict[int, Event], last_seq: int
) -> list[str]:
    missing = sorted(written.keys() - stored.keys())
    found = []
    if missing:
        found.append(f"{len(missing)} events of {source} are not stored, the first is {missing[0]}")
    # What is newer than this look at the journal is not compared yet.
    invented = [seq for seq in stored.keys() - written.keys() if seq <= last_seq]
    found += [f"event {seq} of {source} is stored and in no journal" for seq in sorted(invented)]
    found += [
        f"event {seq} of {source} is stored as {stored[seq][1]} of {stored[seq][0]}, was "
        f"{written[seq][1]} of {written[seq][0]}"
        for seq in written.keys() & stored.keys()
        if written[seq] != stored[seq]
    ]
    return found


ALWAYS: Final[dict[Check, Verdict]] = {
    every_order_has_one_intent: Verdict.LOST,
    nothing_is_posted_unwritten: Verdict.LOST,
    no_intent_is_written_twice: Verdict.DUPLICATE,
    nothing_is_posted_twice: Verdict.DUPLICATE,
    nothing_recovered_is_posted: Verdict.DUPLICATE,
    nothing_is_sent_before_the_reconcile: Verdict.DIFFERENCE,
    stops_keep_their_times: Verdict.DIFFERENCE,
    the_journal_can_be_applied: Verdict.DIFFERENCE,
}
WHILE_DEAD: Final[dict[Check, Verdict]] = {
    a_start_restores_the_whole_journal: Verdict.DIFFERENCE,
}
SOON: Final[dict[Check, Verdict]] = {
    fills_are_equal: Verdict.DIFFERENCE,
    cash_is_equal: Verdict.DIFFERENCE,
    shares_are_equal: Verdict.DIFFERENCE,
    ended_intents_are_true: Verdict.DIFFERENCE,
    the_database_holds_each_event_once: Verdict.LOST,
}
AT_REST: Final[dict[Check, Verdict]] = {
    every_intent_ended: Verdict.LOST,
    reserves_are_equal: Verdict.DIFFERENCE,
    what_was_paid_out_is_settled: Verdict.DIFFERENCE,
}


def findings(evidence: Evidence, checks: dict[Check, Verdict]) -> list[Finding]:
    """Return everything that some checks find."""
    return [
        Finding(check.__name__, verdict, detail)
        for check, verdict in checks.items()
        for detail in check(evidence)
    ]


def _intent_of(evidence: Evidence, body: str) -> Intent | None:
    order_id = evidence.trader.by_body.get(body)
    return evidence.trader.intents[order_id][0] if order_id is not None else None


def _account(evidence: Evidence) -> dict[str, Any] | None:
    accounts: list[dict[str, Any]] = evidence.exchange["accounts"]
    return accounts[0] if accounts else None


def _paid_early(evidence: Evidence) -> list[tuple[str, int, int]]:
    """Return token, shares and dollars of payouts that we have not heard the outcome of.

    The outcome comes from the tracker, the money from the exchange: one is always first.
    """
    settled = evidence.trader.state.settled
    return [
        (payout["token_id"], int(payout["size_shares"]), int(payout["payout_usdc"]))
        for window in evidence.exchange.get("windows", [])
        for payout in window["payouts"]
        if payout["token_id"] not in settled
    ]


def _cash(state: TraderState, account: dict[str, Any]) -> int:
    """Return our cash without the winners that the exchange still holds as shares."""
    won = Counter[str]()
    for (_, token_id), shares in state.paid.items():
        if state.settled.get(token_id):
            won[token_id] += shares
    unpaid = sum(size for token_id, size in won.items() if token_id in account["shares"])
    return (state.cash_usdc or 0) - unpaid


def _open(order: Order, state: TraderState) -> tuple[str, int, int]:
    side = Side.BUY.value if order.side is Side.BUY else Side.SELL.value
    return side, order.open_shares, reservation_usdc(order, state.markets[order.slug].fee)
