"""How the simulated exchange takes an order: every check, in the exchange's own words."""

import msgspec

from polybot.domain.fees import budget_cost_usdc, fill_fee_usdc
from polybot.domain.matching import IncomingOrder, Verdict, match_levels
from polybot.domain.money import DOLLAR_USDC, PRICE_ONE_BPS, format_usdc
from polybot.domain.order import OrderType, Side
from polybot.errors import InvalidValue
from polybot.exchange import error_texts as texts
from polybot.exchange.amount_checks import OrderTerms, amounts_problem
from polybot.exchange.amounts import OrderAmounts, OrderRules
from polybot.exchange.order_hash import WireSide
from polybot.simulator.books.accounts import AccountRow, WindowRow
from polybot.simulator.books.records import OrderAccepted
from polybot.simulator.engine.core import ExchangeCore
from polybot.simulator.engine.crossing import offers, own_crossed
from polybot.simulator.engine.execution import release
from polybot.simulator.engine.phases import phase_refusal
from polybot.simulator.engine.window_book import WindowBook
from polybot.simulator.rules import NS_PER_S

# A GTD order must be stated to end this far ahead, and really ends this long before what it states
# (the exchange's documentation: order types).
GTD_MINIMUM_NS = 180 * NS_PER_S
GTD_EARLY_NS = 60 * NS_PER_S


class NewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order whose signature was checked; amounts as signed, `expiration_s` 0 for none."""

    order_id: str
    account: AccountRow
    owner: str
    maker: str
    signature_type: int
    token_id: str
    side: Side
    order_type: OrderType
    maker_amount: int
    taker_amount: int
    post_only: bool = False
    expiration_s: int = 0


class _Candidate(msgspec.Struct, frozen=True):
    """An order on its way through the checks, with what they look at."""

    new: NewOrder
    window: WindowRow
    book: WindowBook
    incoming: IncomingOrder

    best_bps: int | None
    """The best opposite price it can take, None when it cannot take any."""


def submit(core: ExchangeCore, new: NewOrder, now_ns: int) -> str:
    """Take an order and return "", or the exchange's refusal; an accepted one may still be HELD.

    An order that would take is held for the taker delay and matched afterwards; one that only rests
    is in the book when this returns.
    """
    refused = phase_refusal(core.ledger.state, now_ns, post_only=new.post_only)
    if refused is not None:
        return refused.text
    window = core.ledger.window_of_token(new.token_id)
    refusal = _identity_refusal(core, new, window)
    if refusal or window is None:
        return refusal
    refusal = _shape_refusal(new, window, now_ns)
    if refusal:
        return refusal
    candidate = _candidate(core, new, window)
    if candidate is None:
        return texts.PRICE_OUT_OF_RANGE
    refusal = _book_refusal(candidate) or _balance_refusal(core, candidate)
    if refusal:
        return refusal
    takes = candidate.best_bps is not None
    delay_ns = core.rules.taker_delay_ns if takes else 0
    core.emit(_accepted(candidate, now_ns, now_ns + delay_ns))
    if not delay_ns:
        release(core, core.ledger.state.orders[new.order_id], now_ns)
    return ""


def _identity_refusal(core: ExchangeCore, new: NewOrder, window: WindowRow | None) -> str:
    if new.order_id in core.ledger.state.orders:
        return texts.duplicated(new.order_id)
    if window is None or not window.accepts_orders:
        return texts.NO_ORDERBOOK
    # Nobody has shown a price yet: the market is listed, and its trading has not begun.
    return "" if core.books[window.slug].started else texts.MARKET_NOT_READY


def _shape_refusal(new: NewOrder, window: WindowRow, now_ns: int) -> str:
    if new.post_only and not new.order_type.rests:
        return texts.INVALID_ORDER_PAYLOAD
    market = window.market
    terms = OrderTerms(
        WireSide[new.side.value],
        new.order_type.value,
        OrderAmounts(new.maker_amount, new.taker_amount),
    )
    rules = OrderRules(market.tick_bps, market.min_size_shares)
    problem = amounts_problem(new.order_id, terms, rules)
    if problem:
        return problem
    if new.order_type is not OrderType.GTD:
        return texts.INVALID_EXPIRATION if new.expiration_s else ""
    is_soon = new.expiration_s * NS_PER_S < now_ns + GTD_MINIMUM_NS
    return texts.INVALID_EXPIRATION if is_soon else ""


def _candidate(core: ExchangeCore, new: NewOrder, window: WindowRow) -> _Candidate | None:
    try:
        incoming = IncomingOrder(
            outcome=window.market.outcome_of(new.token_id),
            side=new.side,
            order_type=new.order_type,
            maker_amount=new.maker_amount,
            taker_amount=new.taker_amount,
            post_only=new.post_only,
        )
    except InvalidValue:
        return None
    book = core.books[window.slug]
    best = next(offers(book, incoming, new.account.address), None)
    takes = best is not None and incoming.accepts(best[0])
    return _Candidate(new, window, book, incoming, best[0] if best and takes else None)


def _book_refusal(candidate: _Candidate) -> str:
    incoming, book = candidate.incoming, candidate.book
    address = candidate.new.account.address
    takes = candidate.best_bps is not None
    if incoming.post_only:
        crosses = takes or own_crossed(book, incoming, address)
        return texts.POST_ONLY_CROSSES if crosses else ""
    if takes and incoming.side is Side.BUY and incoming.limit_usdc < DOLLAR_USDC:
        return texts.below_minimum_notional(format_usdc(incoming.limit_usdc))
    if incoming.order_type.rests:
        return ""
    result = match_levels(incoming, offers(book, incoming, address))
    if result.verdict is Verdict.KILLED and not result.executions:
        is_fok = incoming.order_type is OrderType.FOK
        return texts.FOK_NOT_FILLED if is_fok else texts.FAK_NO_MATCH
    return ""


def _balance_refusal(core: ExchangeCore, candidate: _Candidate) -> str:
    new = candidate.new
    if new.side is Side.SELL:
        free = core.ledger.free_shares(new.account, new.token_id)
        needed = candidate.incoming.size_shares
    else:
        free = core.ledger.free_usdc(new.account)
        needed = _cost_usdc(candidate)
    return texts.balance_too_low(max(free, 0), needed) if free < needed else ""


def _cost_usdc(candidate: _Candidate) -> int:
    """Return the most a BUY can cost, its fee included; what only rests pays the maker's fee."""
    incoming, fee = candidate.incoming, candidate.window.market.fee
    best = candidate.best_bps
    if incoming.spends_budget:
        return budget_cost_usdc(fee, best or incoming.limit_bps, incoming.maker_amount)
    limit, size = incoming.limit_bps, incoming.size_shares
    charge = fill_fee_usdc(fee, limit, size, is_maker=best is None)
    return -(-limit * size // PRICE_ONE_BPS) + charge


def _accepted(candidate: _Candidate, now_ns: int, release_ns: int) -> OrderAccepted:
    new, incoming = candidate.new, candidate.incoming
    expires_ns = new.expiration_s * NS_PER_S - GTD_EARLY_NS if new.expiration_s else 0
    return OrderAccepted(
        ts_ns=now_ns,
        order_id=new.order_id,
        address=new.account.address,
        owner=new.owner,
        maker=new.maker,
        signature_type=new.signature_type,
        slug=candidate.window.slug,
        token_id=new.token_id,
        outcome=incoming.outcome,
        side=new.side,
        order_type=new.order_type,
        maker_amount=new.maker_amount,
        taker_amount=new.taker_amount,
        limit_bps=incoming.limit_bps,
        size_shares=incoming.size_shares,
        post_only=new.post_only,
        expiration_s=new.expiration_s,
        expires_ns=expires_ns,
        release_ns=release_ns,
        reserved_usdc=_cost_usdc(candidate) if new.side is Side.BUY else 0,
    )
