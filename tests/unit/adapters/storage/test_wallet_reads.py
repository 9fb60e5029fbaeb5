"""The wallet's dollars, winners and activity as the database tells them."""

from typing import Any

from polybot.adapters.storage.belief import read_belief
from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.wallet_reads import (
    read_activity_since_ns,
    read_funds,
    read_known_activity,
    read_open_positions,
    read_slugs,
    read_unredeemed,
)
from polybot.domain.order import OrderStatus
from polybot.messages.tracking import ExternalFlowSeen, WindowRedeemed
from polybot.messages.trading import ExternalFlowBooked, OrderSubmitted, WindowDiscovered
from tests.fakes import event_hash, make_envelope
from tests.story import (
    AGENT,
    OPENING_USDC,
    SECOND_NS,
    SHARES,
    bought,
    graded,
    market_at,
    opening,
    order_at,
    paid_out,
    settled,
    slug_at,
)

NOW_NS = market_at().close_ns + 3_600 * SECOND_NS


def store(ledger: Ledger, *events: Any, source: str = "trader") -> None:
    first = ledger.store_position(source)
    for seq, event in enumerate(events, start=first + 1):
        envelope = make_envelope(event, source=source, seq=seq, ts_event=market_at().close_ns)
        ledger.store([(envelope, event, event_hash(envelope))])


def redeemed(**fields: Any) -> WindowRedeemed:
    values: dict[str, Any] = {
        "key": "k1",
        "slug": slug_at(),
        "condition_id": market_at().condition_id,
        "amount_usdc": SHARES,
        "redeemed_ns": NOW_NS,
    }
    return WindowRedeemed(**(values | fields))


def flow(kind: str, **fields: Any) -> ExternalFlowSeen:
    values: dict[str, Any] = {
        "key": kind,
        "kind": kind,
        "amount_usdc": 0,
        "stated_usdc": 0,
        "set_shares": 0,
        "at_ns": NOW_NS,
    }
    return ExternalFlowSeen(**(values | fields))


def won(ledger: Ledger) -> None:
    store(ledger, opening(), *bought(), paid_out())
    store(ledger, settled(), source="tracker")


def test_a_winner_waits_until_activity_or_the_balance_says_it_was_paid(ledger: Ledger) -> None:
    won(ledger)
    (winner,) = read_unredeemed(ledger.database, now_ns=NOW_NS)
    assert (winner.slug, winner.payout_usdc, winner.age_ns) == (
        slug_at(),
        SHARES,
        NOW_NS - market_at().close_ns,
    )
    store(ledger, redeemed(), source="tracker")
    assert read_unredeemed(ledger.database, now_ns=NOW_NS) == ()


def test_the_trader_s_own_observation_is_enough(ledger: Ledger) -> None:
    won(ledger)
    paid = ExternalFlowBooked(kind="redemption", amount_usdc=SHARES, token_id=market_at().token_up)
    store(ledger, paid)
    assert read_unredeemed(ledger.database, now_ns=NOW_NS) == ()


def test_a_loser_waits_for_nothing(ledger: Ledger) -> None:
    store(ledger, opening(), *bought())
    store(ledger, settled(outcome="Down"), source="tracker")
    assert read_unredeemed(ledger.database, now_ns=NOW_NS) == ()


def test_unpaid_winnings_are_not_cash(ledger: Ledger) -> None:
    won(ledger)
    before = read_funds(ledger.database, now_ns=NOW_NS)
    store(ledger, redeemed(), source="tracker")
    after = read_funds(ledger.database, now_ns=NOW_NS)
    assert before.cash_usdc is not None
    assert after.cash_usdc == before.cash_usdc + SHARES
    assert (before.unredeemed_usdc, after.unredeemed_usdc) == (SHARES, 0)


def test_an_outcome_the_trader_has_not_booked_yet_takes_no_cash_away(ledger: Ledger) -> None:
    store(ledger, opening(), *bought())
    before = read_funds(ledger.database, now_ns=NOW_NS).cash_usdc
    store(ledger, settled(), source="tracker")
    funds = read_funds(ledger.database, now_ns=NOW_NS)
    assert (funds.cash_usdc, funds.unredeemed_usdc) == (before, SHARES)


def test_an_open_buy_reserves_its_dollars_and_a_finished_one_does_not(ledger: Ledger) -> None:
    store(ledger, opening(), WindowDiscovered(market=market_at()))
    store(ledger, OrderSubmitted(order=order_at(), decision_id="d", body="{}"))
    reserved = read_funds(ledger.database, now_ns=NOW_NS).reserved_usdc
    assert reserved >= 25 * 950_000
    done = order_at(venue_order_id="0xdone", status=OrderStatus.CANCELED)
    store(ledger, OrderSubmitted(order=done, decision_id="d", body="{}"))
    funds = read_funds(ledger.database, now_ns=NOW_NS)
    assert funds.reserved_usdc == reserved
    assert funds.free_usdc == OPENING_USDC - reserved


def test_before_a_first_balance_cash_is_unknown(ledger: Ledger) -> None:
    assert read_funds(ledger.database, now_ns=NOW_NS).cash_usdc is None


def test_an_average_window_is_one_with_trades(ledger: Ledger) -> None:
    won(ledger)
    store(ledger, graded(), source="tracker")
    costs = read_funds(ledger.database, now_ns=NOW_NS).window_cost_usdc
    assert costs == {AGENT: graded().cost_usdc}


def test_open_positions_are_those_without_an_outcome(ledger: Ledger) -> None:
    store(ledger, opening(), *bought())
    (held,) = read_open_positions(ledger.database)
    assert (held.agent, held.slug, held.size_shares) == (AGENT, slug_at(), SHARES)
    assert held.cost_usdc == 25 * 950_000 + 83_120
    store(ledger, settled(), source="tracker")
    assert read_open_positions(ledger.database) == ()


def test_activity_is_known_by_its_keys_and_its_newest_time(ledger: Ledger) -> None:
    assert read_activity_since_ns(ledger.database) == 0
    store(ledger, WindowDiscovered(market=market_at()))
    assert read_activity_since_ns(ledger.database) == market_at().open_ns
    store(ledger, flow("REWARD"), redeemed(redeemed_ns=NOW_NS - 5), source="tracker")
    assert read_activity_since_ns(ledger.database) == NOW_NS
    asked = ("REWARD", "k1", *(f"x{number}" for number in range(600)))
    assert read_known_activity(ledger.database, asked) == {"REWARD", "k1"}


def test_windows_are_found_by_condition(ledger: Ledger) -> None:
    store(ledger, WindowDiscovered(market=market_at()))
    found = read_slugs(ledger.database, [market_at().condition_id, "0xother"])
    assert found == {market_at().condition_id: slug_at()}


def test_sets_split_by_hand_are_held_until_they_are_merged_or_redeemed(ledger: Ledger) -> None:
    market = market_at()
    store(ledger, WindowDiscovered(market=market))
    condition = {"condition_id": market.condition_id}
    store(ledger, flow("SPLIT", set_shares=5, amount_usdc=-5, **condition), source="tracker")
    assert read_belief(ledger.database).held == {market.token_up: 5, market.token_down: 5}
    store(ledger, flow("MERGE", set_shares=-2, amount_usdc=2, **condition), source="tracker")
    assert read_belief(ledger.database).held == {market.token_up: 3, market.token_down: 3}
    store(ledger, redeemed(), source="tracker")
    assert read_belief(ledger.database).held == {}


def test_an_unexplained_flow_is_explained_by_activity_of_the_same_amount(ledger: Ledger) -> None:
    found = ExternalFlowBooked(kind="unexplained", amount_usdc=7_000_000, detail="twice in a row")
    store(ledger, opening(), found, found)
    reward = flow("REWARD", amount_usdc=7_000_000, transaction_hash="0xt")
    store(ledger, reward, source="tracker")
    assert read_belief(ledger.database).notes == (
        "$7 booked as external: REWARD by the exchange's activity in transaction 0xt",
        "$7 booked as external: twice in a row",
    )
    assert read_belief(ledger.database).cash_usdc == OPENING_USDC + 14_000_000
