"""Whatever three accounts and the outside market do, no money and no share comes from nowhere."""

import contextlib
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from polybot.domain.market import Outcome
from polybot.domain.money import notional_usdc
from polybot.domain.order import OrderType, Side
from polybot.errors import InvalidValue
from polybot.simulator.books.accounts import AccountRow, TradeRow
from polybot.simulator.books.ledger import Ledger, replayed
from polybot.simulator.books.records import FlowKind, OrderState, decode_record, encode_record
from polybot.simulator.engine.core import NullListener
from polybot.simulator.engine.engine import SimulatedExchange
from polybot.simulator.engine.flows import Conversion, ManualTrade
from polybot.simulator.happenings import CloseWindow, Happening, ResolveWindow
from polybot.simulator.rules import ExchangeRules
from tests.unit.simulator.crowd import NAMES, Crowd
from tests.unit.simulator.samples import DOLLARS, MARKET, SHARES, SLUG, S

SIDES = st.sampled_from(list(Side))
OUTCOMES = st.sampled_from(list(Outcome))
WHO = st.sampled_from(NAMES)
PRICES = st.integers(47, 53).map(lambda cents: cents * 100)
HUNDREDTHS = st.integers(500, 1500).map(lambda hundredths: hundredths * 10_000)
KINDS = st.sampled_from([*OrderType, OrderType.GTC, OrderType.GTC])

STEPS = st.one_of(
    st.tuples(st.just("level"), SIDES, st.integers(1, 10), HUNDREDTHS | st.just(0)),
    st.tuples(st.just("print"), SIDES, PRICES, st.integers(1, 20_000_000)),
    *(
        st.tuples(st.just("order"), WHO, SIDES, PRICES, HUNDREDTHS, OUTCOMES, KINDS)
        for _ in range(8)
    ),
    st.tuples(st.just("cancel"), WHO, st.integers(0, 30)),
    st.tuples(st.just("money"), WHO, st.integers(-30 * DOLLARS, 20 * DOLLARS)),
    st.tuples(
        st.just("convert"), WHO, st.sampled_from([FlowKind.SPLIT, FlowKind.MERGE]), HUNDREDTHS
    ),
    st.tuples(st.just("hand"), WHO, SIDES, OUTCOMES, HUNDREDTHS),
    st.tuples(st.just("refresh"), WHO, OUTCOMES),
    st.tuples(st.just("wait"), st.floats(0, 8)),
)


def play(crowd: Crowd, step: tuple[Any, ...]) -> None:
    """Carry out one step of a random history; what is refused must change nothing."""
    match step:
        case ("level", side, distance, size):
            price = 4900 - 100 * distance if side is Side.BUY else 5100 + 100 * distance
            crowd.level(side, price, size)
        case ("print", side, price, size):
            crowd.print_trade(side, price, size)
        case ("wait", seconds):
            crowd.wait(seconds)
        case ("money" | "convert", *_):
            with contextlib.suppress(InvalidValue):
                play_flow(crowd, step)
        case _:
            play_order(crowd, step)


def play_order(crowd: Crowd, step: tuple[Any, ...]) -> None:
    """Carry out a step of an account at the exchange."""
    exchange, now = crowd.exchange, crowd.now_ns
    account = crowd.account(step[1])
    match step:
        case ("order", name, side, price, amount, outcome, kind):
            expiration_s = now // S + 200 if kind is OrderType.GTD else 0
            new = crowd.new(
                name, side, price, amount, kind=kind, outcome=outcome, expiration_s=expiration_s
            )
            exchange.submit(new, now)
        case ("cancel", _, index):
            ids = list(crowd.ledger.state.orders)[index : index + 1]
            exchange.cancel(account, ids, now)
        case ("hand", _, side, outcome, amount):
            limit = 7000 if side is Side.BUY else 3000
            token = MARKET.token(outcome)
            trade = ManualTrade(token_id=token, side=side, amount=amount, limit_bps=limit)
            exchange.external_trade(account, trade, now)
        case ("refresh", _, outcome):
            exchange.refresh_balance(account, MARKET.token(outcome), now)


def play_flow(crowd: Crowd, step: tuple[Any, ...]) -> None:
    """Carry out a step of an account elsewhere, which may not have what it takes."""
    exchange, now = crowd.exchange, crowd.now_ns
    account = crowd.account(step[1])
    match step:
        case ("money", _, amount) if amount > 0:
            exchange.external_deposit(account, amount, now)
        case ("money", _, amount):
            exchange.external_withdrawal(account, -amount, now)
        case ("convert", _, kind, size):
            wanted = Conversion(slug=SLUG, kind=kind, size_shares=size)
            exchange.external_conversion(account, wanted, now)


def check_trade(rows: list[TradeRow]) -> None:
    """Check that a trade moves cash and shares between its parties, or makes or unmakes pairs."""
    cash = 0
    shares = dict.fromkeys(Outcome, 0)
    parties = [(row.side, row.outcome, row.price_bps, row.size_shares) for row in rows]
    taker = rows[0]
    if taker.is_maker:
        parties.append((taker.side.opposite, taker.outcome, taker.price_bps, taker.size_shares))
    else:
        parties += [(taker.side.opposite, taker.outcome, *taken) for taken in taker.taken]
    for side, outcome, price, size in parties:
        sign = 1 if side is Side.BUY else -1
        cash -= sign * notional_usdc(price, size)
        shares[outcome] += sign * size
    pairs = shares[Outcome.UP]
    assert pairs == shares[Outcome.DOWN]
    # A pair is worth a dollar. Each party's dollars are cut to whole micro-dollars.
    assert abs(cash + pairs) <= len(parties)
    for row in rows:
        assert row.notional_usdc == notional_usdc(row.price_bps, row.size_shares)
        assert row.fee_usdc == 0 or not row.is_maker


def check_books(ledger: Ledger) -> None:
    """Check that balances are what moved them, never negative, never less than is reserved."""
    state = ledger.state
    for trade in state.trades.values():
        if not trade.taker_order_id:
            check_trade(ledger.trade_rows(trade.trade_id))
    payouts = [payout for window in state.windows.values() for payout in window.payouts]
    for account in state.accounts.values():
        trades = [t for t in state.trades.values() if t.address == account.address and t.counts]
        own = [payout for payout in payouts if payout.address == account.address]
        flows = [flow for flow in state.flows if flow.address == account.address]
        cash = sum(t.cash_usdc for t in trades) + sum(p.payout_usdc for p in own)
        converted = sum(flow.amount_usdc for flow in flows if flow.size_shares)
        assert account.cash_usdc == account.deposited_usdc + cash + converted
        assert account.cash_usdc - account.pending_usdc >= 0
        for token in (MARKET.token_up, MARKET.token_down):
            moved = sum(t.signed_shares for t in trades if t.token_id == token) - converted
            moved -= sum(p.size_shares for p in own if p.token_id == token)
            assert account.shares.get(token, 0) == moved >= 0
            kept = sum(
                o.reservation_shares()
                for o in ledger.open_orders_of(account)
                if o.token_id == token
            )
            assert ledger.free_shares(account, token) == account.settled_shares(token) - kept
            kept -= held_of(ledger, account, token)
            assert 0 <= kept <= account.settled_shares(token)
        fee = state.windows[SLUG].market.fee
        reserved = sum(o.reservation_usdc(fee) for o in ledger.open_orders_of(account))
        settled = account.cash_usdc - account.pending_usdc
        assert ledger.free_usdc(account) == settled - reserved
        assert 0 <= reserved - held_of(ledger, account, "") <= settled
    for order in state.orders.values():
        trades = [t for t in state.trades.values() if t.order_id == order.order_id and t.counts]
        assert order.filled_shares == sum(t.size_shares for t in trades)
        assert order.filled_usdc == sum(t.notional_usdc for t in trades)
        if order.order_type.rests:
            assert order.filled_shares + order.failed_shares <= order.size_shares
        assert all(order.incoming().accepts(t.price_bps) for t in trades)


def held_of(ledger: Ledger, account: AccountRow, token: str) -> int:
    """Return what held orders would like to reserve: they are looked at again when matched."""
    held = [o for o in ledger.open_orders_of(account) if o.state is OrderState.HELD]
    if not token:
        return sum(order.reserved_usdc for order in held)
    return sum(order.reservation_shares() for order in held if order.token_id == token)


def check_display(crowd: Crowd) -> None:
    """Check that what clients see is never crossed, and holds every order that rests."""
    book = crowd.exchange.book(SLUG)
    if book is None:
        return
    for outcome in Outcome:
        bid, ask = book.best(outcome)
        assert bid is None or ask is None or bid < ask
    resting = [o for o in crowd.ledger.open_orders(SLUG) if o.state is OrderState.LIVE]
    total = sum(size for side in Side for _, size in book.queue.levels(side))
    assert total == sum(order.remaining_shares for order in resting)


def state_of(ledger: Ledger) -> bytes:
    return msgspec.json.encode(ledger.state)


@settings(max_examples=100, deadline=None)
@given(
    steps=st.lists(STEPS, min_size=30, max_size=60),
    failed=st.sampled_from([0, 400_000]),
    delay_ms=st.sampled_from([0, 0, 150]),
    cut=st.integers(0, 1000),
)
def test_item_20_money_is_conserved_and_a_restart_anywhere_gives_the_same_books(
    steps: list[tuple[Any, ...]], failed: int, delay_ms: int, cut: int
) -> None:
    rules = ExchangeRules(
        taker_delay_ns=delay_ms * 1_000_000, failed_share=failed, retrying_share=failed // 2
    )
    crowd = Crowd(rules=rules, money_usdc=60 * DOLLARS, shares=20 * SHARES)
    crowd.show(((4900, 20 * SHARES),), ((5100, 20 * SHARES),))
    after_each = []
    already = len(crowd.journal())
    listener = crowd.exchange.core.listener
    listener.on_record = lambda record: after_each.append(state_of(crowd.ledger))  # type: ignore[method-assign]
    for step in steps:
        play(crowd, step)
        check_books(crowd.ledger)
        check_display(crowd)
    records = [decode_record(encode_record(record)) for record in crowd.journal()]
    if after_each:
        index = cut % len(after_each)
        restored = replayed(None, records[: already + index + 1])
        assert state_of(restored) == after_each[index]
    again = SimulatedExchange(replayed(None, records), rules, NullListener())
    for slug, book in again.core.books.items():
        queue = crowd.exchange.core.books[slug].queue
        for side in Side:
            assert [o.order_id for o in book.queue.of_side(side)] == [
                o.order_id for o in queue.of_side(side)
            ]
    check_books(again.ledger)
    end_of(crowd)


def end_of(crowd: Crowd) -> None:
    """Let the window end: everybody is paid, and nobody holds anything any more."""
    crowd.now_ns = max(crowd.now_ns, MARKET.close_ns)
    over: list[Happening] = [
        CloseWindow(crowd.now_ns, SLUG),
        ResolveWindow(crowd.now_ns, SLUG, Outcome.UP),
    ]
    crowd.exchange.advance(crowd.now_ns, over)
    crowd.wait(120)
    check_books(crowd.ledger)
    for account in crowd.ledger.state.accounts.values():
        assert (account.shares, account.pending, account.pending_usdc) == ({}, {}, 0)
    assert crowd.exchange.is_quiet()
