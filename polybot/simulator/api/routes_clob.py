"""The CLOB's public routes: books, prices, ticks, fees and markets."""

from decimal import Decimal

from aiohttp import web

from polybot.domain.market import Outcome
from polybot.domain.money import PRICE_ONE_BPS, SHARE
from polybot.domain.order import Side
from polybot.exchange import error_texts as texts
from polybot.exchange.wire_market import (
    BookAnswer,
    ClobMarket,
    FeeRateAnswer,
    LastTradeAnswer,
    MarketByToken,
    MarketToken,
    MidpointAnswer,
    NegRiskAnswer,
    PriceAnswer,
    ShortFees,
    ShortMarket,
    ShortToken,
    TickSizeAnswer,
    VersionAnswer,
)
from polybot.simulator.api.desk import BAD_REQUEST, NOT_FOUND, Desk, Refused, answer, body_of
from polybot.simulator.books.accounts import WindowRow
from polybot.simulator.engine.window_book import WindowBook
from polybot.simulator.views.book import book_answer
from polybot.simulator.views.gamma import iso_time, question
from polybot.simulator.views.wire_text import price_text

ORDER_VERSION = 2
# What GET /fee-rate names is a cap for every market with fees, not what is charged.
FEE_CAP_BPS = 1000
INVALID_SIDE = "Invalid side"


class ClobRoutes:
    """Everything about markets that needs no key."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/ok", self.ok),
            web.get("/", self.ok),
            web.get("/time", self.time),
            web.get("/version", self.version),
            web.get("/book", self.book),
            web.post("/books", self.books),
            web.get("/price", self.price),
            web.get("/midpoint", self.midpoint),
            web.get("/spread", self.spread),
            web.get("/last-trade-price", self.last_trade_price),
            web.get("/tick-size", self.tick_size),
            web.get("/neg-risk", self.neg_risk),
            web.get("/fee-rate", self.fee_rate),
            web.get("/clob-markets/{condition_id}", self.short_market),
            web.get("/markets/{condition_id}", self.market),
            web.get("/markets-by-token/{token_id}", self.market_by_token),
            web.get("/prices-history", self.prices_history),
        ]

    async def ok(self, request: web.Request) -> web.Response:
        """Say that the exchange is there."""
        del request
        return answer("OK")

    async def time(self, request: web.Request) -> web.Response:
        """Tell wall time in UTC seconds: requests are signed by it."""
        del request
        return answer(self._desk.wall_s())

    async def version(self, request: web.Request) -> web.Response:
        """Tell the version orders must have."""
        del request
        return answer(VersionAnswer(ORDER_VERSION))

    async def book(self, request: web.Request) -> web.Response:
        """Tell one token's whole book."""
        return answer(self._book_answer(request.query.get("token_id", "")))

    async def books(self, request: web.Request) -> web.Response:
        """Tell several books; one that does not exist is left out."""
        wanted = body_of(await request.read(), list[dict[str, str]])
        found = []
        for row in wanted:
            try:
                found.append(self._book_answer(row.get("token_id", "")))
            except Refused:
                continue
        return answer(found)

    async def price(self, request: web.Request) -> web.Response:
        """Tell the best bid for side BUY, the best ask for side SELL."""
        bid, ask = self._best(request)
        side = request.query.get("side", "").upper()
        if side not in (Side.BUY.value, Side.SELL.value):
            raise Refused(BAD_REQUEST, INVALID_SIDE)
        best = bid if side == Side.BUY.value else ask
        return answer(PriceAnswer("0" if best is None else price_text(best)))

    async def midpoint(self, request: web.Request) -> web.Response:
        """Tell the middle of the best prices."""
        bid, ask = self._best(request)
        return answer(MidpointAnswer(_half(_or_zero(bid) + _or_one(ask))))

    async def spread(self, request: web.Request) -> web.Response:
        """Tell the distance of the best prices."""
        bid, ask = self._best(request)
        return answer({"spread": price_text(_or_one(ask) - _or_zero(bid))})

    async def last_trade_price(self, request: web.Request) -> web.Response:
        """Tell the last trade of a token's market, seen from that token."""
        _, book, outcome = self._find(request.query.get("token_id", ""))
        last = book.last_price(outcome)
        if last is None or book.last_trade is None:
            return answer(LastTradeAnswer())
        up_side = book.last_trade[1]
        side = up_side if outcome is Outcome.UP else up_side.opposite
        return answer(LastTradeAnswer(price=price_text(last), side=side.value))

    async def tick_size(self, request: web.Request) -> web.Response:
        """Tell a token's tick."""
        window = self._window(request)
        return answer(TickSizeAnswer(_decimal(window.market.tick_bps)))

    async def neg_risk(self, request: web.Request) -> web.Response:
        """Tell whether a token's market is one of several that exclude each other."""
        return answer(NegRiskAnswer(self._window(request).market.neg_risk))

    async def fee_rate(self, request: web.Request) -> web.Response:
        """Tell the cap of the fee, which every market with fees shares."""
        has_fees = self._window(request).market.fee.rate_bps > 0
        return answer(FeeRateAnswer(FEE_CAP_BPS if has_fees else 0))

    async def short_market(self, request: web.Request) -> web.Response:
        """Tell a market in the form that abbreviates every key."""
        market = self._by_condition(request).market
        return answer(
            ShortMarket(
                condition_id=market.condition_id,
                tokens=[
                    ShortToken(token_id=market.token(outcome), outcome=outcome.value)
                    for outcome in Outcome
                ],
                tick_size=_decimal(market.tick_bps),
                min_order_size=Decimal(market.min_size_shares) / SHARE,
                neg_risk=market.neg_risk,
                fees=ShortFees(
                    rate=_decimal(market.fee.rate_bps),
                    exponent=Decimal(market.fee.exponent),
                    taker_only=market.fee.taker_only,
                ),
                accepting_orders=market.slug in self._desk.exchange.core.books,
                taker_delay=self._desk.exchange.core.rules.taker_delay_ns > 0,
            )
        )

    async def market(self, request: web.Request) -> web.Response:
        """Tell a market in the long form; it names the winner once resolved."""
        window = self._by_condition(request)
        market = window.market
        return answer(
            ClobMarket(
                condition_id=market.condition_id,
                question=question(market),
                market_slug=market.slug,
                tokens=[self._token(window, outcome) for outcome in Outcome],
                active=True,
                closed=bool(window.resolved_ns),
                accepting_orders=window.accepts_orders,
                enable_order_book=True,
                minimum_order_size=Decimal(market.min_size_shares) / SHARE,
                minimum_tick_size=_decimal(market.tick_bps),
                neg_risk=market.neg_risk,
                end_date_iso=iso_time(market.close_ns),
                game_start_time=iso_time(market.open_ns),
                maker_base_fee=Decimal(FEE_CAP_BPS),
                taker_base_fee=Decimal(FEE_CAP_BPS),
            )
        )

    async def market_by_token(self, request: web.Request) -> web.Response:
        """Tell which market a token belongs to."""
        self._desk.world.catch_up()
        window = self._desk.ledger.window_of_token(request.match_info["token_id"])
        if window is None:
            raise Refused(NOT_FOUND, texts.MARKET_NOT_FOUND)
        market = window.market
        return answer(
            MarketByToken(
                condition_id=market.condition_id,
                primary_token_id=market.token_up,
                secondary_token_id=market.token_down,
            )
        )

    async def prices_history(self, request: web.Request) -> web.Response:
        """Tell what a token's price was, at most once a minute; `fidelity` is in minutes."""
        self._desk.world.catch_up()
        query = request.query
        window = self._desk.window_of_token(query.get("market", ""))
        outcome = window.market.outcome_of(query["market"])
        start_s, end_s = _whole(query.get("startTs"), 0), _whole(query.get("endTs"), 2**40)
        step_s = 60 * _whole(query.get("fidelity"), 1)
        points = self._desk.hub.history.points(window.slug, start_s, end_s, step_s)
        rows = [
            {"t": point.ts_ns // 1_000_000_000, "p": _decimal(point.doubled(outcome)) / 2}
            for point in points
        ]
        return answer({"history": rows})

    def _token(self, window: WindowRow, outcome: Outcome) -> MarketToken:
        book = self._desk.exchange.book(window.slug)
        price = Decimal(0)
        if window.outcome is not None:
            price = Decimal(int(window.outcome is outcome))
        elif book is not None:
            bid, ask = book.best(outcome)
            price = _decimal(_or_zero(bid) + _or_one(ask)) / 2
        return MarketToken(
            token_id=window.market.token(outcome),
            outcome=outcome.value,
            price=price,
            winner=window.outcome is outcome,
        )

    def _find(self, token_id: str) -> tuple[WindowRow, WindowBook, Outcome]:
        self._desk.world.catch_up()
        window = self._desk.window_of_token(token_id)
        book = self._desk.exchange.book(window.slug)
        if book is None:
            raise Refused(NOT_FOUND, texts.NO_ORDERBOOK)
        return window, book, window.market.outcome_of(token_id)

    def _book_answer(self, token_id: str) -> BookAnswer:
        _, book, outcome = self._find(token_id)
        return book_answer(book, outcome, self._desk.exchange.now_ns)

    def _best(self, request: web.Request) -> tuple[int | None, int | None]:
        _, book, outcome = self._find(request.query.get("token_id", ""))
        return book.best(outcome)

    def _window(self, request: web.Request) -> WindowRow:
        self._desk.world.catch_up()
        return self._desk.window_of_token(request.query.get("token_id", ""))

    def _by_condition(self, request: web.Request) -> WindowRow:
        self._desk.world.catch_up()
        window = self._desk.ledger.window_of_condition(request.match_info["condition_id"])
        if window is None:
            raise Refused(NOT_FOUND, texts.MARKET_NOT_FOUND)
        return window


def _whole(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isdecimal() else otherwise


def _or_zero(price_bps: int | None) -> int:
    return 0 if price_bps is None else price_bps


def _or_one(price_bps: int | None) -> int:
    return PRICE_ONE_BPS if price_bps is None else price_bps


def _half(doubled_bps: int) -> str:
    return f"{_decimal(doubled_bps) / 2:f}".rstrip("0").rstrip(".") or "0"


def _decimal(bps: int) -> Decimal:
    return Decimal(bps) / PRICE_ONE_BPS
