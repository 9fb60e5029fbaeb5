"""A simulator that was killed comes back with the same books and the same market."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import OrderType, Side
from polybot.domain.resting import TradePrint
from polybot.errors import CheckpointError, ConfigError
from polybot.simulator.books.accounts import AccountRow
from polybot.simulator.books.ledger import Ledger
from polybot.simulator.books.records import FlowKind, Phase
from polybot.simulator.engine.flows import Conversion, ManualTrade
from polybot.simulator.engine.orders import NewOrder
from polybot.simulator.happenings import (
    CloseWindow,
    Happening,
    PrintTrade,
    ResolveWindow,
    SetLevels,
)
from polybot.simulator.recovery import check_source, restore_ledger
from polybot.simulator.rules import NS_PER_MS, ExchangeRules
from polybot.simulator.views.book import book_answer
from tests.unit.simulator.samples import MARKET, SHARES, SLUG, START, S
from tests.unit.simulator.stand import MemoryLog, ScriptedDriver, Stand

ADDRESS = "0x" + "Ab" * 20
OTHER = "0x" + "Cd" * 20


def sold(second: float, size: int) -> PrintTrade:
    trade = TradePrint(
        outcome=Outcome.UP, price_bps=5000, size_shares=size * SHARES, aggressor=Side.SELL
    )
    return PrintTrade(START + int(second * S), SLUG, trade)


SCRIPT: list[Happening] = [
    SetLevels(START + 1 * S, SLUG, ((Side.SELL, 5200, 60 * SHARES),)),
    sold(2, 60),
    SetLevels(START + 3 * S, SLUG, ((Side.SELL, 5300, 90 * SHARES), (Side.BUY, 4800, 5))),
    sold(4, 45),
    sold(5, 3),
    SetLevels(START + 6 * S, SLUG, ((Side.SELL, 5200, 20 * SHARES),)),
    SetLevels(START + 7 * S, SLUG, ((Side.SELL, 5200, 0),)),
    SetLevels(START + 8 * S, SLUG, ((Side.SELL, 5200, 30 * SHARES),)),
    CloseWindow(START + 12 * S, SLUG),
    ResolveWindow(START + 14 * S, SLUG, Outcome.UP),
]


def act(stand: Stand, step: int) -> None:
    """Do what an account does at a step of the story."""
    exchange, now = stand.world.exchange, stand.world.catch_up()
    if step == 0:
        stand.keys.create(ADDRESS, 0, now)
    account = stand.ledger.account(ADDRESS)
    assert account is not None

    def order(number: int, side: Side, price: int, shares: int) -> NewOrder:
        dollars = price * shares * SHARES // 10_000
        is_buy = side is Side.BUY
        return NewOrder(
            order_id=f"0x{number:064x}",
            account=account,
            owner="k",
            maker=ADDRESS,
            signature_type=0,
            token_id=MARKET.token_up,
            side=side,
            order_type=OrderType.GTC,
            maker_amount=dollars if is_buy else shares * SHARES,
            taker_amount=shares * SHARES if is_buy else dollars,
        )

    if step == 1:
        assert exchange.submit(order(1, Side.BUY, 5000, 10), now) == ""
        assert exchange.submit(order(2, Side.BUY, 5200, 55), now) == ""
    if step == 25:
        assert exchange.submit(order(3, Side.SELL, 4900, 5), now) == ""
    if step == 17:
        exchange.cancel(account, [f"0x{1:064x}"], now)


def act_between(stand: Stand, step: int) -> None:
    """Let two accounts trade with each other, by hand and by split, through a restart's phases."""
    exchange, now = stand.world.exchange, stand.world.catch_up()
    if step == 0:
        for address in (ADDRESS, OTHER):
            stand.keys.create(address, 0, now)
            account = stand.ledger.account(address)
            assert account is not None
            split = Conversion(slug=SLUG, kind=FlowKind.SPLIT, size_shares=60 * SHARES)
            exchange.external_conversion(account, split, now)
    ann, bob = stand.ledger.account(ADDRESS), stand.ledger.account(OTHER)
    assert ann is not None
    assert bob is not None

    def place(account: AccountRow, number: int, side: Side, price: int, token: str) -> None:
        dollars, shares = price * 10 * SHARES // 10_000, 10 * SHARES
        new = NewOrder(
            order_id=f"0x{number:064x}",
            account=account,
            owner=f"key of {account.address}",
            maker=account.address,
            signature_type=0,
            token_id=token,
            side=side,
            order_type=OrderType.GTC,
            maker_amount=dollars if side is Side.BUY else shares,
            taker_amount=shares if side is Side.BUY else dollars,
        )
        assert exchange.submit(new, now) == ""

    if step == 1:
        place(ann, 1, Side.BUY, 5100, MARKET.token_up)
        place(ann, 2, Side.BUY, 5000, MARKET.token_up)
    if step in (2, 4, 30):
        place(bob, 10 + step, Side.BUY, 4900, MARKET.token_down)
    if step == 6:
        exchange.set_phase(Phase.RESTARTING, now, now + 2 * S)
    if step == 28:
        exchange.set_phase(Phase.NORMAL, now)
        place(bob, 3, Side.SELL, 5100, MARKET.token_up)
    if step == 29:
        trade = ManualTrade(
            token_id=MARKET.token_up, side=Side.BUY, amount=2 * SHARES, limit_bps=6000
        )
        assert exchange.external_trade(ann, trade, now) == ""


def books(stand: Stand) -> list[Any]:
    exchange = stand.world.exchange
    return [
        book_answer(book, outcome, 0)
        for book in exchange.core.books.values()
        for outcome in Outcome
    ]


@pytest.mark.parametrize(("act_at", "failed"), [(act, 0), (act_between, 0), (act_between, 500_000)])
def test_item_20_a_kill_at_any_moment_changes_neither_books_nor_what_happens_next(
    act_at: Callable[[Stand, int], None], failed: int
) -> None:
    """One run is killed again and again, the other never; both tell the same story."""
    steady = Stand(SCRIPT, delay_ms=150)
    killed = Stand(SCRIPT, delay_ms=150)
    rules = ExchangeRules(
        seed=3, taker_delay_ns=150 * NS_PER_MS, failed_share=failed, redeem_after_ns=S
    )
    for step in range(120):
        for stand in (steady, killed):
            stand.world.exchange.set_rules(rules)
            act_at(stand, step)
            stand.world.commit()
        # What was not synced is lost; the lease would move time, so both runs follow one clock.
        again = Stand(SCRIPT, delay_ms=150, log=MemoryLog(killed.log.payloads))
        again.world.exchange.set_rules(rules)
        moment = max(again.world.clock.now_ns(), steady.world.clock.now_ns())
        for stand in (steady, again):
            stand.world.clock.jump_to(max(moment, stand.world.clock.now_ns()))
            stand.step()
        killed = again
        assert msgspec.json.encode(without_leases(killed)) == msgspec.json.encode(
            without_leases(steady)
        )
        assert books(killed) == books(steady)
        for stand in (steady, killed):
            stand.step(0.15)
    state = steady.ledger.state
    assert state.windows[SLUG].redeemed_ns
    assert len(state.trades) > 2
    assert any(not trade.counts for trade in state.trades.values()) is bool(failed)
    if act_at is act_between:
        assert sum(bool(trade.taker_order_id) for trade in state.trades.values()) > 1


def without_leases(stand: Stand) -> Any:
    state = msgspec.json.decode(msgspec.json.encode(stand.ledger.state))
    return {**state, "now_ns": 0, "lease_ns": 0}


def test_a_checkpoint_and_the_journal_after_it_are_the_whole_journal() -> None:
    stand = Stand(SCRIPT)
    for step in range(12):
        act(stand, step)
        stand.step(0.5)
        if step == 5:
            covered = len(stand.log.payloads)
            checkpoint = msgspec.json.encode(stand.ledger.state)
    rest = [payload for _, payload in stand.log.records_after(covered)]
    assert restore_ledger(checkpoint, rest).state == stand.ledger.state
    assert restore_ledger(None, stand.log.payloads).state == stand.ledger.state


def test_a_checkpoint_of_something_else_is_refused() -> None:
    with pytest.raises(CheckpointError, match="the state of a simulated exchange"):
        restore_ledger(b'{"accounts": 7}', [])


def test_the_books_of_one_market_are_not_continued_with_another() -> None:
    stand = Stand()
    driver = ScriptedDriver([])
    check_source(stand.ledger, driver, "the journal")
    check_source(Ledger(), driver, "the journal")
    driver.source = "another script"
    with pytest.raises(ConfigError, match=r"begun with \(a script\), was another script"):
        check_source(stand.ledger, driver, "the journal")
