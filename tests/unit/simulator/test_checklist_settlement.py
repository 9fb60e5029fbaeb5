"""From a match to its final state: mined, confirmed, retried, failed; and what may be sold when."""

import json

import msgspec
import pytest

from polybot.domain.fill import FillStatus
from polybot.domain.market import Outcome
from polybot.domain.order import OrderType, Side
from polybot.domain.settlement import outcome_of
from polybot.simulator.books.ledger import replayed
from polybot.simulator.books.records import OrderState, decode_record, encode_record
from polybot.simulator.happenings import CloseWindow, Happening, ResolveWindow, TellStrike
from polybot.simulator.rules import PPM, ExchangeRules
from tests.unit.simulator.crowd import NO_LEVELS, Crowd
from tests.unit.simulator.samples import (
    DOLLARS,
    MARKET,
    MINED_AFTER_2_S,
    SHARES,
    SLUG,
    START,
    S,
)
from tests.unit.simulator.stand import MemoryLog, Stand, standing

BUY, SELL, UP, DOWN = Side.BUY, Side.SELL, Outcome.UP, Outcome.DOWN


def crowd_of(**rules: int) -> Crowd:
    return Crowd(rules=ExchangeRules(taker_delay_ns=0, **rules), shares=20 * SHARES)


def statuses(crowd: Crowd, *, seconds: int = 15) -> list[str]:
    (trade,) = crowd.trades_of("bob")
    seen = [trade.status.value]
    for _ in range(seconds):
        crowd.wait(1)
        if trade.status.value != seen[-1]:
            seen.append(trade.status.value)
    return seen


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({}, ["MATCHED", "MINED", "CONFIRMED"]),
        ({"retrying_share": PPM}, ["MATCHED", "RETRYING", "MINED", "CONFIRMED"]),
        ({"failed_share": PPM}, ["MATCHED", "RETRYING", "FAILED"]),
    ],
)
def test_item_11_a_trade_goes_through_its_statuses(
    rules: dict[str, int], expected: list[str]
) -> None:
    crowd = crowd_of(**rules)
    crowd.show()
    crowd.place("bob", BUY, 5200, 10 * SHARES)
    assert statuses(crowd) == expected


def test_item_11_a_failed_trade_is_undone_for_both_accounts_in_one_record() -> None:
    crowd = crowd_of(failed_share=PPM)
    crowd.show(NO_LEVELS, NO_LEVELS)
    before = msgspec.json.encode(crowd.ledger.state.accounts)
    resting = crowd.place("ann", BUY, 5700, 10 * SHARES)
    taking = crowd.place("bob", BUY, 4300, 6 * SHARES, outcome=DOWN)
    assert resting.filled_shares == 6 * SHARES
    crowd.journal()
    crowd.wait(2)
    count = len(crowd.journal())
    crowd.wait(10)
    (failed,) = crowd.journal()[count:]
    assert "FAILED" in encode_record(failed).decode()
    assert msgspec.json.encode(crowd.ledger.state.accounts) == before
    assert [trade.status for trade in crowd.ledger.state.trades.values()] == [
        FillStatus.FAILED,
        FillStatus.FAILED,
    ]
    for order in (resting, taking):
        assert (order.filled_shares, order.filled_usdc, order.fee_usdc) == (0, 0, 0)
        assert order.failed_shares == 6 * SHARES
    # What was undone does not rest again.
    assert (resting.state, resting.remaining_shares) == (OrderState.LIVE, 4 * SHARES)


def test_item_11_bought_shares_can_be_sold_a_lag_after_they_were_mined() -> None:
    crowd = Crowd(rules=ExchangeRules(taker_delay_ns=0, share_lag_ns=3 * S, **MINED_AFTER_2_S))
    crowd.show()
    crowd.place("bob", BUY, 5200, 10 * SHARES)
    for second in range(5):
        assert "not enough balance" in crowd.refusal("bob", SELL, 5000, 10 * SHARES), second
        crowd.wait(1)
    assert crowd.refusal("bob", SELL, 5000, 10 * SHARES) == ""


def test_item_11_reading_the_balance_again_ends_the_lag_but_not_before_it_is_mined() -> None:
    crowd = Crowd(rules=ExchangeRules(taker_delay_ns=0, share_lag_ns=3600 * S, **MINED_AFTER_2_S))
    crowd.show()
    crowd.place("bob", BUY, 5200, 10 * SHARES)
    bob, token = crowd.account("bob"), MARKET.token_up
    crowd.exchange.refresh_balance(bob, token, crowd.now_ns)
    assert bob.settled_shares(token) == 0
    crowd.wait(2)
    crowd.exchange.refresh_balance(bob, MARKET.token_down, crowd.now_ns)
    assert bob.settled_shares(token) == 0
    crowd.exchange.refresh_balance(bob, token, crowd.now_ns)
    assert bob.settled_shares(token) == 10 * SHARES
    count = len(crowd.journal())
    crowd.exchange.refresh_balance(bob, token, crowd.now_ns)
    assert len(crowd.journal()) == count


def test_item_11_proceeds_cannot_be_spent_before_they_are_mined() -> None:
    """They may yet be undone, and money already spent could not be taken back."""
    crowd = Crowd(money_usdc=30 * DOLLARS, shares=20 * SHARES)
    crowd.show()
    crowd.place("bob", SELL, 5000, 20 * SHARES)
    bob = crowd.account("bob")
    assert crowd.ledger.free_usdc(bob) == 10 * DOLLARS
    assert bob.cash_usdc > 19 * DOLLARS
    crowd.wait(2)
    assert crowd.ledger.free_usdc(bob) == bob.cash_usdc


def test_item_11_nobody_is_paid_for_a_trade_that_may_yet_fail() -> None:
    crowd = Crowd(
        rules=ExchangeRules(
            taker_delay_ns=0, failed_share=PPM, retry_after_ns=60 * S, redeem_after_ns=S
        )
    )
    crowd.show()
    crowd.place("bob", BUY, 5200, 10 * SHARES)
    happenings: list[Happening] = [
        CloseWindow(crowd.now_ns, SLUG),
        ResolveWindow(crowd.now_ns, SLUG, UP),
    ]
    crowd.exchange.advance(crowd.now_ns, happenings)
    window = crowd.ledger.state.windows[SLUG]
    crowd.wait(50)
    unpaid = window.redeemed_ns
    crowd.wait(20)
    assert unpaid == 0 < window.redeemed_ns
    assert crowd.account("bob").cash_usdc == 1000 * DOLLARS
    assert crowd.exchange.is_quiet()


def test_item_11_a_restart_in_the_middle_of_a_settlement_changes_nothing() -> None:
    crowd = crowd_of(failed_share=300_000, retrying_share=300_000, seed=5)
    crowd.show()
    for _ in range(6):
        crowd.place("bob", BUY, 5300, 5 * SHARES, kind=OrderType.FAK)
        crowd.wait(1)
    records = [decode_record(encode_record(record)) for record in crowd.journal()]
    again = type(crowd.exchange)(
        replayed(None, records), crowd.exchange.core.rules, crowd.exchange.core.listener
    )
    for exchange in (crowd.exchange, again):
        exchange.advance(crowd.now_ns + 60 * S)
    first, second = (msgspec.json.encode(e.ledger.state) for e in (crowd.exchange, again))
    assert first == second
    found = {trade.status for trade in again.ledger.state.trades.values()}
    assert found == {FillStatus.CONFIRMED, FillStatus.FAILED}


def test_item_12_a_resolution_may_not_be_announced() -> None:
    for ppm, expected in ((0, True), (PPM, False)):
        crowd = crowd_of(missing_resolution_ppm=ppm)
        crowd.exchange.advance(crowd.now_ns, [ResolveWindow(crowd.now_ns, SLUG, UP)])
        told = [row for row in crowd.journal() if type(row).__name__ == "WindowResolved"]
        assert [row.announced for row in told] == [expected]  # type: ignore[union-attr]
        assert crowd.ledger.state.windows[SLUG].outcome is UP


def test_item_12_winners_become_money_by_themselves_a_while_after_the_outcome() -> None:
    crowd = Crowd(rules=ExchangeRules(taker_delay_ns=0, redeem_after_ns=25 * S), shares=0)
    crowd.show()
    crowd.place("ann", BUY, 5200, 10 * SHARES)
    crowd.place("bob", BUY, 5000, 10 * SHARES, outcome=DOWN)
    crowd.wait(10)
    before = {name: crowd.account(name).cash_usdc for name in ("ann", "bob")}
    crowd.exchange.advance(crowd.now_ns, [ResolveWindow(crowd.now_ns, SLUG, UP)])
    crowd.wait(24.9)
    assert {name: crowd.account(name).cash_usdc for name in before} == before
    crowd.wait(0.2)
    gained = {name: crowd.account(name).cash_usdc - before[name] for name in before}
    assert gained == {"ann": 10 * DOLLARS, "bob": 0}
    assert not crowd.account("bob").shares


def test_item_12_a_tie_is_up() -> None:
    assert [outcome_of(70, close) for close in (69, 70, 71)] == [DOWN, UP, UP]


async def test_item_12_the_catalog_tells_the_price_to_beat_late_and_the_outcome_later() -> None:
    happenings: list[Happening] = [
        TellStrike(START + 60 * S, SLUG, 7_000_012_000_000),
        CloseWindow(START + 300 * S, SLUG),
        ResolveWindow(START + 330 * S, SLUG, UP, 7_000_012_000_000, 7_000_012_000_000),
    ]
    async with standing(Stand(happenings)) as stand:

        async def told() -> tuple[object, bool, list[str]]:
            _, event = await stand.get(f"/events/slug/{SLUG}")
            (market,) = event["markets"]
            strike = (event.get("eventMetadata") or {}).get("priceToBeat")
            return strike, market["closed"], json.loads(market["outcomePrices"])

        assert await told() == (None, False, ["0.51", "0.49"])
        stand.step(61)
        assert await told() == (70_000.12, False, ["0.51", "0.49"])
        stand.step(240)
        strike, closed, prices = await told()
        assert (strike, closed) == (70_000.12, False)
        assert prices != ["1", "0"]
        stand.step(30)
        assert await told() == (70_000.12, True, ["1", "0"])


async def test_item_20_a_client_can_compare_its_books_with_the_exchanges_after_a_kill() -> None:
    async with standing(Stand()) as stand:
        wallet = await stand.login()
        _, resting = await wallet.post(wallet.order(BUY, 4000, 10 * SHARES))
        _, taken = await wallet.post(wallet.order(BUY, 5200, 10 * SHARES))
        # Only what reached the disk survives.
        log = MemoryLog(stand.log.payloads[: stand.log.synced])
    async with standing(Stand(log=log, clock=stand.clock)) as again:
        _, books = await again.get("/simulator/ledger")
        states = {order["order_id"]: order["state"] for order in books["orders"]}
        assert states == {resting["orderID"]: "LIVE", taken["orderID"]: "MATCHED"}
        (execution,) = books["executions"]
        assert (execution["trade_id"], execution["fee_usdc"]) == (taken["tradeIDs"][0], 174_720)
        (account,) = books["accounts"]
        assert account["cash_usdc"] == 1000 * DOLLARS - 5_200_000 - 174_720
        assert account["free_usdc"] == account["cash_usdc"] - 4 * DOLLARS
        assert account["shares"] == {MARKET.token_up: 10 * SHARES}
