"""The trader's production path on a bench: real books, strategy, risk, journal and signer, no network."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from time import perf_counter_ns

import msgspec

from polybot.adapters.clob_gateway import ClobGateway
from polybot.adapters.clock import SystemClock
from polybot.adapters.market_clock import SegmentMarketClock
from polybot.adapters.order_signer import WalletOrderSigner
from polybot.domain.entry_filter import AskHistory
from polybot.domain.fill import Fill, FillStatus
from polybot.domain.market import FeeSchedule, Market, Outcome, SettlementRule
from polybot.domain.order import Order, OrderStatus, OrderType, Side
from polybot.domain.position import Position
from polybot.domain.risk_limits import RiskLimits
from polybot.exchange.http_calls import HttpAnswer, HttpCall
from polybot.exchange.l2_auth import ApiCredentials, RequestSigner
from polybot.exchange.signing import OrderSigner
from polybot.messages.lifecycle import MarketTimeChanged
from polybot.ports import StreamFrame
from polybot.runtime.journal import Journal
from polybot.runtime.outbox import JournaledOutbox
from polybot.services.trader.agents import Agent
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.claims import TradingClaims
from polybot.services.trader.desk import Desk
from polybot.services.trader.market_data import MarketData
from polybot.services.trader.reference import PriceTick, ReferenceBook
from polybot.services.trader.sight import Sight
from polybot.services.trader.state import TraderState
from polybot.strategies.capture_99c_memory import CaptureMemory
from polybot.strategies.registry import build

SECOND_NS = 1_000_000_000
PRIVATE_KEY = "0x" + "4c" * 32
API = ApiCredentials(
    api_key="7d9a1b52-0000-4000-8000-00000000be11",
    secret="YmVuY2htYXJrIHNlY3JldCBvZiAzMiBieXRlcyAuLi4=",
    passphrase="b" * 64,
)

OPEN_S = 1_787_236_800
CLOSE_S = OPEN_S + 300
NOW_S = CLOSE_S - 45
TOKEN_UP = "71321045679252212594626385532706912750332728571942532289631379312455583992563"
TOKEN_DOWN = "52114319501245915516055106046884209969926127482827954674443846427813813222426"
MARKET = Market(
    slug=f"btc-updown-5m-{OPEN_S}",
    condition_id="0x" + "5f" * 32,
    token_up=TOKEN_UP,
    token_down=TOKEN_DOWN,
    asset="btc",
    open_ns=OPEN_S * SECOND_NS,
    close_ns=CLOSE_S * SECOND_NS,
    tick_bps=100,
    fee=FeeSchedule(rate_bps=700),
    rule=SettlementRule.TWAP,
    twap_lookback_s=60,
)
AGENT = "capture"
# What the last hour leaves in the trader's books: twelve windows of 5 minutes and four of 15.
PAST_WINDOWS = 16


def book_frame() -> bytes:
    """Return the snapshots of both tokens: 60 levels a side, as the exchange sends them."""
    up_bids = [(cents, 100 + cents) for cents in range(34, 94)]
    up_asks = [(cents, 50 + cents) for cents in (99, 98, 97)] + [(94, 50)]
    down_bids = [(100 - cents, size) for cents, size in up_asks]
    down_asks = [(100 - cents, size) for cents, size in up_bids]
    return msgspec.json.encode(
        [_book(TOKEN_UP, up_bids, up_asks), _book(TOKEN_DOWN, down_bids, down_asks)]
    )


def _book(token: str, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> dict[str, object]:
    def levels(side: list[tuple[int, int]]) -> list[dict[str, str]]:
        return [{"price": f"0.{cents:02d}", "size": f"{size}.25"} for cents, size in side]

    return {
        "event_type": "book",
        "asset_id": token,
        "market": MARKET.condition_id,
        "bids": levels(sorted(bids)),
        "asks": levels(sorted(asks, reverse=True)),
        "timestamp": f"{NOW_S}123",
        "hash": "0x" + "ab" * 20,
    }


def ask_frame(size: str, best_ask_cents: int) -> bytes:
    """Return a change of the Up ask at 0.94 (and of its mirror), as the exchange sends it."""
    own = _change(TOKEN_UP, "0.94", size, "SELL", 93, best_ask_cents)
    mirror = _change(TOKEN_DOWN, "0.06", size, "BUY", 100 - best_ask_cents, 7)
    return msgspec.json.encode(
        {
            "market": MARKET.condition_id,
            "price_changes": [own, mirror],
            "timestamp": f"{NOW_S}456",
            "event_type": "price_change",
        }
    )


def _change(
    token: str, price: str, size: str, side: str, bid_cents: int, ask_cents: int
) -> dict[str, str]:
    return {
        "asset_id": token,
        "price": price,
        "size": size,
        "side": side,
        "hash": "56621a121a47ed9333273e21c83b660cff37ae50",
        "best_bid": f"0.{bid_cents:02d}",
        "best_ask": f"0.{ask_cents:02d}",
    }


# The ask at 0.94 goes, the next one is 0.97: now an outcome is all but decided.
ENTERS = ask_frame("0", 97)
WAITS = ask_frame("50.25", 94)


class Unplugged:
    """A transport that keeps what it is given, and when, and sends nothing."""

    def __init__(self) -> None:
        self.calls: list[HttpCall] = []
        self.sent_ns = 0

    def send(self, call: HttpCall, done: Callable[[HttpAnswer], None]) -> None:
        self.sent_ns = perf_counter_ns()
        self.calls.append(call)

    def warm(self, path: str = "/ok") -> None:
        raise AssertionError("nothing to keep warm on a bench")


class Published:
    """A bus that nobody listens to."""

    def send(self, topic: bytes, payload: bytes) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Access:
    """The account at the exchange, logged in."""

    gateway: ClobGateway
    signer: WalletOrderSigner
    api_key: str = API.api_key

    def ready(self) -> bool:
        return True

    def renew(self) -> None:
        raise AssertionError("credentials do not expire on a bench")


class TradingStand:
    """Enters the same window again and again; what one entry leaves behind is cleared untimed."""

    def __init__(self, directory: Path) -> None:
        self.clock = SystemClock()
        self.state = past(TraderState())
        self.data = MarketData()
        self.wire = Unplugged()
        self.reads = Unplugged()
        market_clock = SegmentMarketClock(self.clock)
        market_clock.accept(
            MarketTimeChanged(
                origin_mono_ns=0, origin_market_ns=NOW_S * SECOND_NS + 500_000_000, speed=0.0
            )
        )
        self.journal = Journal.open(directory)
        self.outbox = JournaledOutbox(
            "trader", "0192f0c1", journal=self.journal, sender=Published(), clock=self.clock
        )
        books = Bookkeeper(self.state, self.outbox, market_clock)
        sight = Sight(
            state=self.state,
            claims=TradingClaims(books, self.clock),
            data=self.data,
            reference=reference(),
            clock=self.clock,
            market_clock=market_clock,
            zone=UTC,
        )
        self.desk = Desk(
            session=self.outbox.session,
            books=books,
            sight=sight,
            access=self._access(),
            clock=self.clock,
            market_clock=market_clock,
            # Nobody enters thousands of windows in a minute, except here.
            limits=RiskLimits(max_orders_per_minute=1_000_000),
        )
        self.agent = Agent(
            name=AGENT,
            strategy=build("capture_99c", {}),
            capital_usdc=200_000_000,
            series=frozenset(),
        )
        self.data.watch([MARKET])
        self.data.accept(StreamFrame("market", 0, book_frame()))
        self._kept = dict(self.state.orders)

    def enter(self) -> int:
        """Take one frame through to a signed request and return the nanoseconds until it is handed over.

        The sync that production makes before it sends is left to `sync`: it is the disk's own time,
        and would leave the processor's caches cold for whatever is timed after it.
        """
        self._clear()
        frame = StreamFrame("market", 0, ENTERS)
        begin = perf_counter_ns()
        self.data.accept(frame)
        self.desk.decide(self.agent, MARKET)
        self.desk.send()
        return self.wire.sent_ns - begin

    def sync(self) -> int:
        """Make what was recorded durable and return the nanoseconds that took."""
        begin = perf_counter_ns()
        self.outbox.commit()
        return perf_counter_ns() - begin

    def enter_durably(self) -> int:
        """Do both in production's order: nothing is sent before its record is on disk."""
        self._clear()
        frame = StreamFrame("market", 0, ENTERS)
        begin = perf_counter_ns()
        self.data.accept(frame)
        self.desk.decide(self.agent, MARKET)
        self.outbox.commit()
        self.desk.send()
        return self.wire.sent_ns - begin

    def request(self) -> HttpCall:
        """Return the one request of the last entry."""
        (call,) = self.wire.calls
        return call

    def close(self) -> None:
        """Let go of the journal."""
        self.journal.close()

    def _access(self) -> Access:
        signer = OrderSigner(PRIVATE_KEY)
        gateway = ClobGateway(
            RequestSigner(signer.address, API),
            orders=self.wire,
            reads=self.reads,
            snapshots=lambda *_: None,
            clock=self.clock,
            wake=lambda: None,
        )
        wallet = WalletOrderSigner(signer, funder="", signature_type=0, owner=API.api_key)
        return Access(gateway, wallet)

    def _clear(self) -> None:
        self.wire.calls.clear()
        self.data.accept(StreamFrame("market", 0, WAITS))
        self.state.orders.clear()
        self.state.orders.update(self._kept)
        self.agent.summary(MARKET.slug)
        self.agent.restore(MARKET.slug, MEMORY)


# Thirty seconds of asks, as a look late in a window has seen them.
MEMORY = msgspec.Raw(
    msgspec.json.encode(
        CaptureMemory(
            slug=MARKET.slug, asks=AskHistory(up=(9400, 9300, 9500) * 10, down=(700, 800, 600) * 10)
        )
    )
)


def reference() -> ReferenceBook:
    """Return a reference book with a minute of prices and the opens of this and earlier windows."""
    book = ReferenceBook()
    for back in range(8):
        for twap in (False, True):
            book.accept(_tick(OPEN_S - 300 * back, 71_485 - back, twap=twap))
    for second in range(NOW_S - 60, NOW_S + 1):
        book.accept(_tick(second, 71_490 + second % 7, twap=False))
    return book


def _tick(second: int, dollars: int, *, twap: bool) -> PriceTick:
    return PriceTick(
        asset="btc",
        source="chainlink",
        twap=twap,
        price_ns=second * SECOND_NS,
        price_e8=dollars * 100_000_000,
    )


def past(state: TraderState) -> TraderState:
    """Fill the books with an hour of settled windows: an entry and a profit lock in each."""
    state.cash_usdc = 1_000_000_000
    state.markets[MARKET.slug] = MARKET
    for number in range(1, PAST_WINDOWS + 1):
        opened = OPEN_S - 300 * number
        market = msgspec.structs.replace(
            MARKET,
            slug=f"btc-updown-5m-{opened}",
            token_up=str(number) + TOKEN_UP,
            token_down=str(number) + TOKEN_DOWN,
            open_ns=opened * SECOND_NS,
            close_ns=(opened + 300) * SECOND_NS,
        )
        _trade(state, market, number)
    return state


def _trade(state: TraderState, market: Market, number: int) -> None:
    entry = Order(
        intent_id=f"i-past-{number}",
        venue_order_id=f"0x{number:064x}",
        agent=AGENT,
        slug=market.slug,
        token_id=market.token_up,
        outcome=Outcome.UP,
        side=Side.BUY,
        order_type=OrderType.FAK,
        price_bps=9800,
        size_shares=24_744_800,
        budget_usdc=24_250_000,
        created_ns=market.open_ns,
        purpose="entry",
        status=OrderStatus.FILLED,
        filled_shares=25_000_000,
        filled_usdc=24_250_000,
    )
    lock = msgspec.structs.replace(
        entry,
        venue_order_id=f"0x{number + 1000:064x}",
        side=Side.SELL,
        order_type=OrderType.GTC,
        price_bps=9900,
        size_shares=25_000_000,
        budget_usdc=0,
        purpose="profit_lock",
        status=OrderStatus.EXPIRED,
        filled_shares=0,
        filled_usdc=0,
    )
    fill = Fill(
        trade_id=f"trade-{number}",
        venue_order_id=entry.venue_order_id,
        agent=AGENT,
        slug=market.slug,
        token_id=market.token_up,
        outcome=Outcome.UP,
        side=Side.BUY,
        price_bps=9700,
        size_shares=25_000_000,
        fee_usdc=50_000,
        is_maker=False,
        matched_ns=market.open_ns,
        status=FillStatus.CONFIRMED,
    )
    empty = Position(
        agent=AGENT, slug=market.slug, token_id=market.token_up, outcome=Outcome.UP
    )
    state.markets[market.slug] = market
    state.orders |= {order.venue_order_id: order for order in (entry, lock)}
    state.fills[fill.key] = fill
    state.positions[AGENT, market.token_up] = empty.apply_fill(fill)
    state.settled[market.token_up] = True
