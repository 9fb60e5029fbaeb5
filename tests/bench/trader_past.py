"""What the trader knows from before: an hour of settled windows, a minute of prices, its memory."""

import msgspec

from polybot.domain.entry_filter import AskHistory
from polybot.domain.fill import Fill, FillStatus
from polybot.domain.market import Market, Outcome
from polybot.domain.order import Order, OrderStatus, OrderType, Side
from polybot.domain.position import Position
from polybot.domain.reference_price import POLYBOLT, ReferencePrice
from polybot.services.trader.reference import ReferenceBook
from polybot.services.trader.state import TraderState
from polybot.strategies.capture_99c_memory import CaptureMemory
from tests.bench.sample_market import MARKET, NOW_S, OPEN_S, SECOND_NS, TOKEN_DOWN, TOKEN_UP

AGENT = "capture"
# What the last hour leaves in the trader's books: twelve windows of 5 minutes and four of 15.
PAST_WINDOWS = 16
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


def _tick(second: int, dollars: int, *, twap: bool) -> ReferencePrice:
    return ReferencePrice(
        asset="btc",
        feed=POLYBOLT,
        source="chainlink",
        is_average=twap,
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
    empty = Position(agent=AGENT, slug=market.slug, token_id=market.token_up, outcome=Outcome.UP)
    state.markets[market.slug] = market
    state.orders |= {order.venue_order_id: order for order in (entry, lock)}
    state.fills[fill.key] = fill
    state.positions[AGENT, market.token_up] = empty.apply_fill(fill)
    state.settled[market.token_up] = True
