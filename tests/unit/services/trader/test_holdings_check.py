"""All agents' positions, with what is external, are the wallet's shares: at every reconcile."""

import random

import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import Order, OrderStatus, OrderTrigger, OrderType, Side
from polybot.messages.trading import AgentResult, DriftFound, ExternalFlowBooked, FillMatched
from polybot.ports import VenueFill
from polybot.services.trader.holdings_check import HOLDINGS, LASTING_NS, HoldingsCheck
from polybot.services.trader.state import TraderState
from tests.story import CLOSE_NS, SHARES, market_at, order_at, paid_out
from tests.unit.services.trader.books import NOW_NS, Books
from tests.unit.services.trader.fakes_exchange import snapshot, venue_fill
from tests.unit.services.trader.whole_trader import WholeTrader

S = 1_000_000_000
MARKET = market_at()
UP, DOWN = MARKET.token_up, MARKET.token_down
AGENTS = ("one", "two", "three")


class Looks:
    """A check that looks at the wallet's shares after each sweep."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.check = HoldingsCheck(books.keeper, books.answers, books.market_clock)
        self.mono_ns = 0

    def look(self, shares: dict[str, int], *fills: VenueFill, after_s: float = 30) -> None:
        self.mono_ns += int(after_s * S)
        self.check.check(snapshot(shares=shares, fills=fills), self.mono_ns)

    def external(self) -> dict[str, int]:
        return self.books.state.not_ours.shares

    def flows(self) -> list[tuple[str, str, int]]:
        said = self.books.said(ExternalFlowBooked)
        return [(flow.kind, flow.token_id, flow.size_shares) for flow in said if flow.token_id]


def holding(shares: int = SHARES) -> Looks:
    """Return looks at books in which one agent holds Up shares."""
    books = Books()
    order = books.submit(size_shares=shares)
    books.keeper.fill(venue_fill(order, status="CONFIRMED"))
    return Looks(books)


def test_positions_that_are_the_wallets_book_nothing() -> None:
    looks = holding()
    before = looks.books.count()
    for _ in range(3):
        looks.look({UP: SHARES})
    assert looks.books.count() == before
    assert looks.check.describe() == ""


def test_the_sum_over_all_agents_is_what_counts() -> None:
    looks = holding()
    second = looks.books.submit(agent="other", venue_order_id="0xb", size_shares=SHARES)
    looks.books.keeper.fill(venue_fill(second, "t2", status="CONFIRMED"))
    for _ in range(3):
        looks.look({UP: 2 * SHARES})
    assert looks.flows() == []


@pytest.mark.parametrize("off", [5_000_000, -5_000_000, 1])
def test_a_difference_seen_twice_is_drift_and_external(off: int) -> None:
    looks = holding()
    looks.look({UP: SHARES + off})
    assert looks.flows() == []
    looks.look({UP: SHARES + off})
    assert looks.flows() == [("shares", UP, off)]
    (drift,) = looks.books.said(DriftFound)
    assert (drift.kind, drift.subject) == (HOLDINGS, UP)
    assert MARKET.slug in drift.detail
    for _ in range(3):
        looks.look({UP: SHARES + off})
    assert len(looks.flows()) == 1


def test_external_shares_are_shown_and_are_nobodys_profit() -> None:
    looks = holding()
    for _ in range(2):
        looks.look({UP: SHARES + 5_000_000})
    assert looks.check.describe() == f"external shares: +5 Up of {MARKET.slug}"
    state = looks.books.state
    assert [position.shares for position in state.positions.values()] == [SHARES]
    assert looks.books.said(AgentResult) == []
    cash = state.cash_usdc
    for _ in range(2):
        looks.look({UP: SHARES - 2_500_000})
    assert looks.check.describe() == f"external shares: -2.5 Up of {MARKET.slug}"
    for _ in range(2):
        looks.look({UP: SHARES})
    assert looks.check.describe() == ""
    assert state.cash_usdc == cash


@pytest.mark.parametrize("offs", [(5, 0, 5, 0), (5, 6, 7, 8), (5, -5, 5, -5)])
def test_a_difference_that_does_not_stay_the_same_is_not_believed(offs: tuple[int, ...]) -> None:
    looks = holding()
    for off in offs:
        looks.look({UP: SHARES + off})
    assert looks.flows() == []


def test_snapshots_taken_together_are_one_look() -> None:
    looks = holding()
    for after_s in (30, 0.01, LASTING_NS / S - 0.02):
        looks.look({UP: SHARES + 5}, after_s=after_s)
    assert looks.flows() == []
    looks.look({UP: SHARES + 5}, after_s=0.02)
    assert len(looks.flows()) == 1


def submitted(books: Books) -> Order:
    return books.submit(venue_order_id="0xb")


def unknown(books: Books) -> Order:
    order = submitted(books)
    books.keeper.move(order, OrderTrigger.LOSE_ANSWER)
    return order


def unconfirmed(books: Books) -> Order:
    order = submitted(books)
    books.keeper.fill(venue_fill(order, "t2", "MINED"))
    return order


def closing(books: Books) -> Order:
    order = books.submit_fak(venue_order_id="0xb")
    books.keeper.move(order, OrderTrigger.ACCEPT)
    books.answers.closing["0xb"] = {"t9"}
    return order


@pytest.mark.parametrize("happening", [submitted, unknown, unconfirmed, closing])
def test_nothing_is_external_while_something_of_ours_moves_in_that_token(happening: object) -> None:
    looks = holding()
    happening(looks.books)  # type: ignore[operator]
    for _ in range(3):
        looks.look({UP: SHARES + 777})
    assert looks.flows() == []


def test_a_resting_order_hides_nothing_and_another_token_neither() -> None:
    looks = holding()
    looks.books.keeper.move(submitted(looks.books), OrderTrigger.ACCEPT)
    looks.books.submit(venue_order_id="0xc", token_id=DOWN, outcome=Outcome.DOWN)
    for _ in range(2):
        looks.look({UP: SHARES + 5})
    assert looks.flows() == [("shares", UP, 5)]


def test_a_window_that_is_over_is_left_to_its_payout() -> None:
    looks = holding()
    looks.books.market_clock.market_ns = CLOSE_NS
    for _ in range(3):
        looks.look({UP: 0})
    looks.books.keeper.record(paid_out())
    for _ in range(3):
        looks.look({UP: 0})
    assert looks.flows() == []
    assert looks.check.tokens() == set()


def test_balances_are_asked_for_of_all_that_was_ever_held_in_an_open_window() -> None:
    looks = holding()
    sale = looks.books.submit(venue_order_id="0xs", side=Side.SELL, purpose="exit")
    looks.books.keeper.fill(venue_fill(sale, "t2", status="CONFIRMED"))
    assert looks.books.state.positions["capture", UP].shares == 0
    assert looks.check.tokens() == {UP}


def test_a_token_traded_by_hand_is_asked_for_from_then_on() -> None:
    looks = Looks(Books())
    assert looks.check.tokens() == set()
    by_hand = venue_fill(order_at(venue_order_id="0xhand", token_id=DOWN), token_id=DOWN)
    looks.look({}, by_hand)
    assert looks.check.tokens() == {DOWN}
    for _ in range(2):
        looks.look({DOWN: SHARES})
    assert looks.flows() == [("shares", DOWN, SHARES)]


def test_external_shares_survive_a_checkpoint_and_a_replay() -> None:
    looks = holding()
    for _ in range(2):
        looks.look({UP: SHARES + 5})
    kept = TraderState.from_snapshot(looks.books.state.to_snapshot({}))
    assert kept.not_ours.shares == {UP: 5}
    replayed = TraderState()
    for _, event in [*looks.books.outbox.committed, *looks.books.outbox.uncommitted]:
        replayed.apply(event)
    assert replayed.not_ours == kept.not_ours


class Wallet:
    """A wallet with several agents and a person, beside the books that are told of the agents."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.books = Books()
        self.looks = Looks(self.books)
        self.shares = {UP: 0, DOWN: 0}
        self.by_hand = {UP: 0, DOWN: 0}
        self.numbers = 0
        self.moving: list[tuple[VenueFill, Order]] = []

    def step(self) -> None:
        self.dice.choice((self.trade, self.trade, self.settle, self.touch, self.sweep))()

    def trade(self) -> None:
        """Let an agent buy, or sell what it holds; the wallet follows when it is mined."""
        self.numbers += 1
        agent, token = self.dice.choice(AGENTS), self.dice.choice((UP, DOWN))
        held = self.books.state.positions.get((agent, token))
        size = self.dice.randrange(1, 30) * 1_000_000
        sells = held is not None and held.shares >= size and self.dice.random() < 0.5
        order = self.books.submit(
            agent=agent,
            venue_order_id=f"0x{self.numbers}",
            intent_id=f"i{self.numbers}",
            token_id=token,
            outcome=MARKET.outcome_of(token),
            side=Side.SELL if sells else Side.BUY,
            order_type=OrderType.GTC,
            size_shares=size,
            price_bps=5000,
            created_ns=NOW_NS,
        )
        fill = venue_fill(order, f"t{self.numbers}")
        self.books.keeper.fill(fill)
        self.moving.append((fill, order))

    def settle(self) -> None:
        """Let the oldest trade reach the chain, or fail there."""
        if not self.moving:
            return
        fill, order = self.moving.pop(0)
        failed = self.dice.random() < 0.2
        if not failed:
            sign = 1 if order.side is Side.BUY else -1
            self.shares[order.token_id] += sign * fill.size_shares
        told = venue_fill(order, fill.trade_id, "FAILED" if failed else "CONFIRMED")
        self.books.keeper.fill(told)

    def touch(self) -> None:
        """Let a person move shares of the wallet by hand."""
        token = self.dice.choice((UP, DOWN))
        moved = self.dice.randrange(-5, 20) * 1_000_000
        if self.shares[token] + moved >= 0:
            self.shares[token] += moved
            self.by_hand[token] += moved

    def sweep(self) -> None:
        self.looks.look(dict(self.shares))

    def at_rest(self) -> None:
        while self.moving:
            self.settle()
        for _ in range(2):
            self.sweep()


@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_agents_and_external_together_are_the_wallet(seed: int) -> None:
    wallet = Wallet(seed)
    for _ in range(150):
        wallet.step()
    wallet.at_rest()
    state = wallet.books.state
    assert wallet.books.said(FillMatched)
    for token in (UP, DOWN):
        agents = sum(p.shares for (_, held), p in state.positions.items() if held == token)
        external = state.not_ours.shares.get(token, 0)
        assert agents + external == wallet.shares[token]
        assert external == wallet.by_hand[token]
    assert all(o.status is OrderStatus.FILLED for o in state.orders.values())


def test_the_random_sequence_does_move_shares_by_hand() -> None:
    touched = 0
    for seed in range(40):
        wallet = Wallet(seed)
        for _ in range(150):
            wallet.step()
        touched += any(wallet.by_hand.values())
    assert touched > 30


def test_the_status_shows_external_shares_of_open_windows() -> None:
    trader = WholeTrader().ready()
    trader.turn()
    flow = ExternalFlowBooked(kind="shares", amount_usdc=0, token_id=UP, size_shares=2_500_000)
    trader.state.apply(flow)
    assert f"external shares: +2.5 Up of {MARKET.slug}" in trader.service.status()
    trader.market_clock.market_ns = CLOSE_NS
    assert "external shares" not in trader.service.status()
