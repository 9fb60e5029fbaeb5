"""A small exchange with several accounts, for what happens between them."""

from polybot.domain.market import Outcome
from polybot.domain.order import OrderType, Side
from polybot.domain.resting import TradePrint
from polybot.simulator.books.accounts import AccountRow, OrderRow, TradeRow
from polybot.simulator.books.ledger import Ledger
from polybot.simulator.books.records import AccountOpened, AnyRecord, Converted, FlowKind
from polybot.simulator.engine.core import NullListener
from polybot.simulator.engine.engine import SimulatedExchange
from polybot.simulator.engine.orders import NewOrder
from polybot.simulator.happenings import ListWindow, PrintTrade, SetBook, SetLevels
from polybot.simulator.rules import ExchangeRules
from tests.unit.simulator.samples import (
    ASKS,
    BIDS,
    DOLLARS,
    MARKET,
    MINED_AFTER_2_S,
    SLUG,
    START,
    S,
    signed_amounts,
)

NAMES = ("ann", "bob", "cid")
NO_LEVELS: tuple[tuple[int, int], ...] = ()


def address_of(name: str) -> str:
    """Return an account's address: its name in hex, filled up."""
    return "0x" + name.encode().hex().ljust(40, "0")


class Crowd:
    """Three accounts at one exchange with one window; each has dollars, and shares if asked for."""

    def __init__(
        self,
        *,
        rules: ExchangeRules | None = None,
        money_usdc: int = 1000 * DOLLARS,
        shares: int = 0,
    ) -> None:
        rules = rules or ExchangeRules(taker_delay_ns=0, **MINED_AFTER_2_S)
        self.exchange = SimulatedExchange(Ledger(), rules, NullListener())
        self.records: list[AnyRecord] = []
        self.now_ns = START
        self.count = 0
        for name in NAMES:
            self.exchange.core.emit(
                AccountOpened(ts_ns=START, address=address_of(name), amount_usdc=money_usdc)
            )
        self.exchange.advance(START, [ListWindow(START, MARKET)])
        for name in NAMES if shares else ():
            self.exchange.core.emit(
                Converted(
                    ts_ns=START,
                    address=address_of(name),
                    slug=SLUG,
                    kind=FlowKind.SPLIT,
                    size_shares=shares,
                )
            )

    @property
    def ledger(self) -> Ledger:
        return self.exchange.ledger

    def account(self, name: str) -> AccountRow:
        return self.ledger.state.accounts[address_of(name).lower()]

    def journal(self) -> list[AnyRecord]:
        self.records += self.exchange.take_records()
        return self.records

    def show(
        self,
        bids: tuple[tuple[int, int], ...] = BIDS,
        asks: tuple[tuple[int, int], ...] = ASKS,
    ) -> None:
        self.exchange.advance(self.now_ns, [SetBook(self.now_ns, SLUG, bids, asks)])

    def level(self, side: Side, price_bps: int, size: int) -> None:
        self.exchange.advance(
            self.now_ns, [SetLevels(self.now_ns, SLUG, ((side, price_bps, size),))]
        )

    def print_trade(self, side: Side, price_bps: int, size: int) -> None:
        trade = TradePrint(
            outcome=Outcome.UP, price_bps=price_bps, size_shares=size, aggressor=side
        )
        self.exchange.advance(self.now_ns, [PrintTrade(self.now_ns, SLUG, trade)])

    def wait(self, seconds: float) -> None:
        self.now_ns += int(seconds * S)
        self.exchange.advance(self.now_ns)

    def new(
        self,
        name: str,
        side: Side,
        price_bps: int,
        amount: int,
        *,
        kind: OrderType = OrderType.GTC,
        outcome: Outcome = Outcome.UP,
        post_only: bool = False,
        expiration_s: int = 0,
    ) -> NewOrder:
        """Build an order; `amount` is micro-dollars for a FOK or FAK BUY, else micro-shares."""
        self.count += 1
        maker, taker = signed_amounts(side, kind, price_bps, amount)
        return NewOrder(
            order_id=f"0x{self.count:064x}",
            account=self.account(name),
            owner=f"key of {name}",
            maker=address_of(name),
            signature_type=0,
            token_id=MARKET.token(outcome),
            side=side,
            order_type=kind,
            maker_amount=maker,
            taker_amount=taker,
            post_only=post_only,
            expiration_s=expiration_s,
        )

    def place(self, name: str, side: Side, price_bps: int, amount: int, **more: object) -> OrderRow:
        """Place an order that must be taken, and return its row."""
        new = self.new(name, side, price_bps, amount, **more)  # type: ignore[arg-type]
        assert self.exchange.submit(new, self.now_ns) == ""
        return self.ledger.state.orders[new.order_id]

    def refusal(self, name: str, side: Side, price_bps: int, amount: int, **more: object) -> str:
        """Place an order and return what the exchange says to it."""
        new = self.new(name, side, price_bps, amount, **more)  # type: ignore[arg-type]
        return self.exchange.submit(new, self.now_ns)

    def trades_of(self, name: str) -> list[TradeRow]:
        address = address_of(name)
        return [row for row in self.ledger.state.trades.values() if row.address == address]
