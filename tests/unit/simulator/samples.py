"""A small market and its exchange, as the simulator's tests start from."""

from collections.abc import Sequence

from polybot.domain.market import FeeSchedule, Market, Outcome
from polybot.domain.order import OrderType, Side
from polybot.simulator.books.accounts import AccountRow
from polybot.simulator.books.ledger import Ledger
from polybot.simulator.books.records import AccountOpened, AnyRecord
from polybot.simulator.engine.core import NullListener
from polybot.simulator.engine.engine import SimulatedExchange
from polybot.simulator.engine.orders import NewOrder
from polybot.simulator.engine.timers import ExchangeRules
from polybot.simulator.happenings import ListWindow, SetBook

S = 1_000_000_000
START = 1_800_000_000 * S
SHARES = 1_000_000
# Rules that draw nothing, for tests that wait for a trade to be settled.
MINED_AFTER_2_S = {"mined_from_ns": 2 * S, "mined_until_ns": 2 * S}
DOLLARS = 1_000_000
ADDRESS = "0xF39fd6e51aad88F6F4ce6aB8827279cffFb92266"
SLUG = "btc-updown-5m-1800000000"

MARKET = Market(
    slug=SLUG,
    condition_id="0x" + "ab" * 32,
    token_up="1001",
    token_down="1002",
    asset="btc",
    open_ns=START,
    close_ns=START + 300 * S,
    fee=FeeSchedule(rate_bps=700),
)

BIDS = ((5000, 100 * SHARES), (4900, 200 * SHARES))
ASKS = ((5200, 50 * SHARES), (5300, 80 * SHARES))


def signed_amounts(side: Side, kind: OrderType, price_bps: int, amount: int) -> tuple[int, int]:
    """Return maker and taker amount; `amount` is dollars for a FOK or FAK BUY, else shares."""
    if side is Side.BUY and not kind.rests:
        return amount, amount * 10_000 // price_bps // 100 * 100
    if side is Side.BUY:
        return price_bps * amount // 10_000, amount
    return amount, price_bps * amount // 10_000


class Venue:
    """An exchange with one account and one window, and every record it ever emitted."""

    def __init__(self, *, money_usdc: int = 1000 * DOLLARS, delay_ms: int = 0) -> None:
        rules = ExchangeRules(taker_delay_ns=delay_ms * 1_000_000, **MINED_AFTER_2_S)
        self.exchange = SimulatedExchange(Ledger(), rules, NullListener())
        self.records: list[AnyRecord] = []
        self.now_ns = START
        self.count = 0
        self.exchange.core.emit(AccountOpened(ts_ns=START, address=ADDRESS, amount_usdc=money_usdc))
        self.exchange.advance(START, [ListWindow(START, MARKET)])

    @property
    def ledger(self) -> Ledger:
        return self.exchange.ledger

    @property
    def account(self) -> AccountRow:
        return self.ledger.state.accounts[ADDRESS.lower()]

    def journal(self) -> list[AnyRecord]:
        self.records += self.exchange.take_records()
        return self.records

    def show(
        self,
        bids: Sequence[tuple[int, int]] = BIDS,
        asks: Sequence[tuple[int, int]] = ASKS,
    ) -> None:
        self.happen(SetBook(self.now_ns, SLUG, tuple(bids), tuple(asks)))

    def happen(self, *happenings: object) -> None:
        self.exchange.advance(self.now_ns, happenings)  # type: ignore[arg-type]

    def wait(self, seconds: float) -> None:
        self.now_ns += int(seconds * S)
        self.exchange.advance(self.now_ns)

    def order(
        self,
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
            account=self.account,
            owner="key-1",
            maker=ADDRESS,
            signature_type=0,
            token_id=MARKET.token(outcome),
            side=side,
            order_type=kind,
            maker_amount=maker,
            taker_amount=taker,
            post_only=post_only,
            expiration_s=expiration_s,
        )

    def submit(self, new: NewOrder) -> str:
        return self.exchange.submit(new, self.now_ns)
