"""With risk's rule on, the exchange never passes over nor cancels an order of our own wallet.

Two agents of one wallet, whose news of the exchange comes late, against the simulator's matching.
"""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polybot.domain.market import Outcome
from polybot.domain.order import Order, OrderStatus, OrderType, Side
from polybot.domain.risk import RULES
from polybot.domain.risk_figures import figures_of
from polybot.domain.risk_limits import ForeignOrder, RiskLimits, RiskState
from polybot.domain.trading_state import TradingState
from polybot.exchange.amounts import (
    OrderRules,
    limit_amounts,
    market_buy_amounts,
    market_sell_amounts,
)
from polybot.exchange.order_hash import WireSide
from polybot.simulator.books.accounts import OrderRow
from polybot.simulator.books.records import AnyRecord, OrderReleased, OrderState
from polybot.simulator.engine.core import NullListener
from polybot.simulator.engine.crossing import own_crossed
from polybot.simulator.engine.orders import NewOrder
from polybot.simulator.rules import ExchangeRules
from tests.unit.simulator.crowd import Crowd, address_of
from tests.unit.simulator.samples import DOLLARS, MARKET, MINED_AFTER_2_S, SHARES, SLUG

OURS = "ann"
AGENTS = ("first", "second")
DELAY_MS = 150
self_cross = dict(RULES)["self_cross"]
_S = OrderStatus
_KILLED = (OrderState.KILLED, OrderState.CANCELED, OrderState.INVALID, OrderState.EXPIRED)


class Wish(msgspec.Struct, frozen=True):
    """What an agent wishes for; `amount` is dollars for a BUY that takes, else shares."""

    outcome: Outcome
    side: Side
    order_type: OrderType
    price_bps: int
    amount: int

    @property
    def spends(self) -> bool:
        return self.side is Side.BUY and not self.order_type.rests

    @property
    def size_shares(self) -> int:
        return 0 if self.spends else self.amount * SHARES

    @property
    def budget_usdc(self) -> int:
        return self.amount * DOLLARS if self.spends else 0

    @property
    def purpose(self) -> str:
        return "quote"


class Watch(NullListener):
    """Looks, whenever an order of ours was matched, whether another one of ours was in its way."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.crossings: list[tuple[str, ...]] = []

    def on_record(self, record: AnyRecord) -> None:
        if not isinstance(record, OrderReleased):
            return
        row = self.crowd.ledger.state.orders[record.order_id]
        book = self.crowd.exchange.book(SLUG)
        if row.address != address_of(OURS) or book is None:
            return
        passed = [other.order_id for other in own_crossed(book, row.incoming(), row.address)]
        if passed or record.canceled:
            self.crossings.append((record.order_id, *passed, *record.canceled))


class Floor:
    """Our books as they are told late, beside the exchange as it is."""

    def __init__(self, *, ruled: bool = True) -> None:
        rules = ExchangeRules(taker_delay_ns=DELAY_MS * 1_000_000, **MINED_AFTER_2_S)
        self.crowd = Crowd(rules=rules, money_usdc=100_000 * DOLLARS, shares=10_000 * SHARES)
        self.crowd.show()
        self.watch = Watch(self.crowd)
        self.crowd.exchange.core.listener = self.watch
        self.ruled = ruled
        self.orders: dict[str, Order] = {}
        self.posts: list[NewOrder] = []
        self.denied = 0
        self.foreign: list[NewOrder] = []

    def state(self, agent: str) -> RiskState:
        return RiskState(
            agent=agent,
            market=MARKET,
            now_ns=self.crowd.now_ns,
            wall_ns=0,
            trading_state=TradingState.ACTIVE,
            orders=tuple(self.orders.values()),
            foreign_orders=tuple(self._foreign_orders()),
        )

    def wish(self, agent: str, wish: Wish) -> bool:
        """Judge a wish; one that is not denied is journaled and on its way to the exchange."""
        if self.ruled and self_cross(figures_of(wish, self.state(agent), RiskLimits())):
            self.denied += 1
            return False
        new = self._signed(wish)
        order = Order(
            intent_id=new.order_id,
            venue_order_id=new.order_id,
            agent=agent,
            slug=SLUG,
            token_id=new.token_id,
            outcome=wish.outcome,
            side=wish.side,
            order_type=wish.order_type,
            price_bps=wish.price_bps,
            size_shares=wish.size_shares or wish.budget_usdc * 10_000 // wish.price_bps,
            budget_usdc=wish.budget_usdc,
            created_ns=self.crowd.now_ns,
            purpose=wish.purpose,
            status=_S.SUBMITTED,
        )
        self.orders[new.order_id] = order
        self.posts.append(new)
        return True

    def arrive(self, pick: int) -> None:
        """Let one of the requests on their way reach the exchange, in any order."""
        if self.posts:
            new = self.posts.pop(pick % len(self.posts))
            self.crowd.exchange.submit(new, self.crowd.now_ns)

    def lose_answer(self, pick: int) -> None:
        """Let a request time out on our side, wherever it is."""
        order = self._pick(pick)
        if order is not None and order.status is _S.SUBMITTED:
            self.orders[order.venue_order_id] = order.with_status(_S.UNKNOWN)

    def cancel(self, pick: int) -> None:
        """Cancel one of ours at the exchange; our books hear of it later."""
        order = self._pick(pick)
        if order is not None:
            self.orders[order.venue_order_id] = order.with_status(_S.PENDING_CANCEL)
            account = self.crowd.account(OURS)
            self.crowd.exchange.cancel(account, [order.venue_order_id], self.crowd.now_ns)

    def tell(self, pick: int) -> None:
        """Let the news of one of our orders reach us."""
        order = self._pick(pick)
        row = self.crowd.ledger.state.orders.get(order.venue_order_id) if order else None
        under_way = {new.order_id for new in self.posts}
        if order is None or order.venue_order_id in under_way:
            return
        self.orders[order.venue_order_id] = told(order, row)

    def place_by_hand(self, wish: Wish) -> None:
        """Let a person place an order in our wallet, which the listing then shows."""
        new = self._signed(wish)
        self.crowd.exchange.submit(new, self.crowd.now_ns)
        self.foreign.append(new)

    def _foreign_orders(self) -> list[ForeignOrder]:
        rows = [self.crowd.ledger.state.orders.get(new.order_id) for new in self.foreign]
        return [
            ForeignOrder(outcome=row.outcome, side=row.side, price_bps=row.limit_bps)
            for row in rows
            if row is not None and row.is_open
        ]

    def _pick(self, pick: int) -> Order | None:
        alive = [order for order in self.orders.values() if not order.is_terminal]
        return alive[pick % len(alive)] if alive else None

    def _signed(self, wish: Wish) -> NewOrder:
        rules = OrderRules(tick_bps=MARKET.tick_bps, minimum_shares=MARKET.min_size_shares)
        side = WireSide[wish.side.value]
        if wish.order_type.rests:
            amounts = limit_amounts(side, wish.price_bps, wish.size_shares, rules)
        elif wish.spends:
            amounts = market_buy_amounts(wish.price_bps, wish.budget_usdc, rules)
        else:
            amounts = market_sell_amounts(wish.price_bps, wish.size_shares, rules)
        new = self.crowd.new(
            OURS, wish.side, wish.price_bps, wish.amount * SHARES, outcome=wish.outcome
        )
        return msgspec.structs.replace(
            new,
            order_type=wish.order_type,
            maker_amount=amounts.maker,
            taker_amount=amounts.taker,
        )


def told(order: Order, row: OrderRow | None) -> Order:
    """Return an order of ours as the exchange's row shows it; None is one that it refused."""
    if row is None:
        return order.with_status(_S.REJECTED)
    filled = msgspec.structs.replace(
        order, filled_shares=row.filled_shares, filled_usdc=row.filled_usdc
    )
    if row.state in _KILLED:
        return filled.with_status(_S.CANCELED)
    if row.state is OrderState.MATCHED:
        return filled.with_status(_S.FILLED if filled.is_complete else _S.CANCELED)
    if order.status is _S.PENDING_CANCEL:
        return filled
    return filled.with_status(_S.PARTIALLY_FILLED if row.filled_shares else _S.ACCEPTED)


prices = st.integers(47, 54).map(lambda cents: cents * 100)
wishes = st.builds(
    Wish,
    outcome=st.sampled_from(Outcome),
    side=st.sampled_from(Side),
    order_type=st.sampled_from((OrderType.GTC, OrderType.GTC, OrderType.FAK, OrderType.FOK)),
    price_bps=prices,
    amount=st.integers(5, 40),
)
picks = st.integers(0, 63)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("wish"), st.sampled_from(AGENTS), wishes),
        st.tuples(st.sampled_from(("arrive", "tell", "cancel", "lose_answer")), picks),
        st.tuples(st.just("wait"), st.sampled_from((0.05, 0.15, 1.0))),
        st.tuples(st.just("other"), wishes),
        st.tuples(st.just("by_hand"), wishes),
        st.tuples(st.just("outside"), st.sampled_from(Side), prices, st.integers(0, 60)),
        st.tuples(st.just("print"), st.sampled_from(Side), prices, st.integers(1, 60)),
    ),
    min_size=5,
    max_size=60,
)


def play(floor: Floor, played: list[tuple[Any, ...]]) -> None:
    """Let everything happen, then let what is still under way arrive."""
    crowd = floor.crowd
    for kind, *rest in played:
        if kind == "wish":
            floor.wish(*rest)
        elif kind == "wait":
            crowd.wait(rest[0])
        elif kind == "other":
            (wish,) = rest
            new = crowd.new(
                "bob",
                wish.side,
                wish.price_bps,
                (wish.amount * DOLLARS) if wish.spends else wish.amount * SHARES,
                kind=wish.order_type,
                outcome=wish.outcome,
            )
            crowd.exchange.submit(new, crowd.now_ns)
        elif kind == "by_hand":
            # By hand one may cross oneself: only its effect on ours is looked at.
            if not crosses_ours(floor, rest[0]):
                floor.place_by_hand(rest[0])
        elif kind == "outside":
            side, price, size = rest
            crowd.level(side, price, size * SHARES)
        elif kind == "print":
            side, price, size = rest
            crowd.print_trade(side, price, size * SHARES)
        else:
            getattr(floor, kind)(rest[0])
    while floor.posts:
        floor.arrive(0)
    crowd.wait(1)


def crosses_ours(floor: Floor, wish: Wish) -> bool:
    """Return whether an order by hand would cross one of ours, held ones of both included."""
    held = [row for row in floor.crowd.ledger.state.orders.values() if row.is_open]
    others = any(row.address == address_of(OURS) for row in held)
    return others or self_cross(figures_of(wish, floor.state("first"), RiskLimits()))


@settings(max_examples=300)
@given(steps)
def test_with_the_rule_no_order_of_ours_is_passed_over_or_canceled(
    played: list[tuple[Any, ...]],
) -> None:
    floor = Floor()
    play(floor, played)
    assert floor.watch.crossings == []


def rested(floor: Floor, wish: Wish, agent: str = "first") -> None:
    assert floor.wish(agent, wish)
    floor.arrive(0)
    floor.crowd.wait(1)


BID = Wish(Outcome.UP, Side.BUY, OrderType.GTC, 5100, 10)
CROSSING = {
    "a sale of the same token": Wish(Outcome.UP, Side.SELL, OrderType.GTC, 5100, 10),
    "a mint": Wish(Outcome.DOWN, Side.BUY, OrderType.GTC, 4900, 10),
    "a taking sale": Wish(Outcome.UP, Side.SELL, OrderType.FAK, 5000, 10),
    "a taking mint": Wish(Outcome.DOWN, Side.BUY, OrderType.FAK, 5000, 10),
    "all or nothing": Wish(Outcome.UP, Side.SELL, OrderType.FOK, 5000, 10),
}
OFFER = Wish(Outcome.UP, Side.SELL, OrderType.GTC, 5100, 10)
MERGE = Wish(Outcome.DOWN, Side.SELL, OrderType.GTC, 4900, 10)


@pytest.mark.parametrize("name", CROSSING)
def test_without_the_rule_the_exchange_crosses_our_own_orders_and_with_it_never(name: str) -> None:
    for ruled in (False, True):
        floor = Floor(ruled=ruled)
        rested(floor, BID)
        assert floor.wish("second", CROSSING[name]) is not ruled
        play(floor, [])
        assert bool(floor.watch.crossings) is not ruled


@pytest.mark.parametrize("second", [MERGE])
def test_a_merge_of_two_of_our_sales_is_denied(second: Wish) -> None:
    for ruled in (False, True):
        floor = Floor(ruled=ruled)
        rested(floor, OFFER)
        assert floor.wish("second", second) is not ruled
        play(floor, [])
        assert bool(floor.watch.crossings) is not ruled


@pytest.mark.parametrize("status", [_S.SUBMITTED, _S.UNKNOWN, _S.PENDING_CANCEL, _S.ACCEPTED])
def test_an_order_whose_fate_is_open_counts_as_resting(status: OrderStatus) -> None:
    floor = Floor()
    assert floor.wish("first", BID)
    (order,) = floor.orders.values()
    floor.orders[order.venue_order_id] = order.with_status(status)
    assert not floor.wish("second", CROSSING["a mint"])


def test_what_comes_to_rest_while_our_taker_is_held_would_be_passed_over() -> None:
    taker = Wish(Outcome.UP, Side.SELL, OrderType.FAK, 5000, 10)
    bid = Wish(Outcome.UP, Side.BUY, OrderType.GTC, 5100, 10)
    for ruled in (False, True):
        floor = Floor(ruled=ruled)
        assert floor.wish("first", taker)
        floor.arrive(0)
        assert floor.wish("second", bid) is not ruled
        play(floor, [])
        assert bool(floor.watch.crossings) is not ruled


def test_a_taker_that_was_filled_in_part_has_looked_and_is_in_nobodys_way() -> None:
    floor = Floor()
    assert floor.wish("first", Wish(Outcome.UP, Side.SELL, OrderType.FAK, 5000, 40))
    (order,) = floor.orders.values()
    floor.orders[order.venue_order_id] = msgspec.structs.replace(
        order, status=_S.PARTIALLY_FILLED, filled_shares=SHARES
    )
    assert floor.wish("second", BID)


def test_an_order_by_hand_in_our_wallet_is_not_crossed_either() -> None:
    floor = Floor()
    floor.place_by_hand(BID)
    floor.crowd.wait(1)
    assert not floor.wish("first", CROSSING["a mint"])
    assert floor.wish("first", Wish(Outcome.DOWN, Side.BUY, OrderType.GTC, 4800, 10))


def test_the_play_does_cross_when_nobody_forbids_it() -> None:
    # A property that nothing could break would prove nothing: the same play, without the rule.
    dice = random.Random(7)
    crossed = 0
    for _ in range(20):
        floor = Floor(ruled=False)
        for _ in range(40):
            wish = Wish(
                dice.choice(list(Outcome)),
                dice.choice(list(Side)),
                dice.choice((OrderType.GTC, OrderType.FAK)),
                dice.randrange(47, 55) * 100,
                dice.randrange(5, 40),
            )
            play(floor, [("wish", dice.choice(AGENTS), wish), ("arrive", 0), ("wait", 0.05)])
        crossed += len(floor.watch.crossings)
    assert crossed > 20
