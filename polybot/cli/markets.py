"""`polybot markets`: what can be traded now and next, and any market by slug or by words."""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import typer

from polybot.adapters.market_search import MarketSearch
from polybot.bootstrap.account import open_market_search
from polybot.cli.account_view import open_view
from polybot.cli.exits import Unknown
from polybot.cli.options import Json
from polybot.cli.output import exact_dollars, plural, say, shortened, show_json, span
from polybot.config.load import load
from polybot.domain.market import Market
from polybot.domain.money import DOLLAR_USDC
from polybot.domain.window import Window, current_window, next_window, parse_series
from polybot.errors import InvalidValue, ProtocolError
from polybot.exchange.market_listing import market_of
from polybot.exchange.wire_gamma import GammaMarket

EXAMPLES = (
    "polybot markets",
    "polybot markets btc-updown-5m-1776082500",
    'polybot markets "bitcoin up or down" --json',
)
_WIDTH = 58
_NS = 1_000_000_000
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")

Search = Annotated[
    str, typer.Argument(metavar="[SEARCH]", help="A slug, or words; without it: our series.")
]


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One market: `listed` is None while the catalog does not have it, `market` when refused."""

    slug: str
    window: Window | None
    listed: GammaMarket | None
    market: Market | None
    refused: str
    followed: bool


def markets(search: Search = "", as_json: Json = False) -> None:
    """Show the windows of the followed series that are open and next, or markets by slug or words.

    Tick, fee, version and best prices are the catalog's, which lags the order book by seconds. A
    market that polybot would not trade says why. Exit code 2 when nothing is found.
    """
    loaded = load(join_floor=True, keyless=True)
    series = loaded.config.trader.series
    with open_view(loaded) as view, open_market_search(loaded) as catalog:
        now_ns = view.now_ns()
        offers = found(catalog, search, series) if search else followed(catalog, series, now_ns)
    if as_json:
        show_json([as_document(offer, now_ns) for offer in offers])
    else:
        _say(offers, now_ns)
    if search and not offers:
        raise Unknown(f"expected a market for {search!r}, was none")


def followed(catalog: MarketSearch, series: Iterable[str], now_ns: int) -> list[Offer]:
    """Return the open and the next window of each series, listed or not."""
    offers = []
    for name in series:
        window = current_window(parse_series(name), now_ns)
        for each in (window, next_window(window)):
            listed = next((m for m in catalog.by_slug(each.slug) if m.slug == each.slug), None)
            offers.append(_offer(each.slug, listed, each, followed=True))
    return offers


def found(catalog: MarketSearch, search: str, series: Sequence[str]) -> list[Offer]:
    """Return the markets that a slug names or words find."""
    listed = catalog.by_slug(search) if _SLUG.fullmatch(search) else []
    return [
        _offer(m.slug, m, None, followed=m.slug.rpartition("-")[0] in series)
        for m in listed or catalog.by_words(search)
    ]


def as_document(offer: Offer, now_ns: int) -> dict[str, Any]:
    """Return a market as JSON values; prices and the fee rate are decimal strings."""
    listed, market = offer.listed, offer.market
    tokens = {"Up": market.token_up, "Down": market.token_down} if market else {}
    return {
        "slug": offer.slug,
        "question": listed.question if listed else None,
        "listed": listed is not None,
        "status": _status(offer, now_ns),
        "open_ns": market.open_ns if market else offer.window and offer.window.open_ns,
        "close_ns": market.close_ns if market else offer.window and offer.window.close_ns,
        "followed": offer.followed,
        "tradable": market is not None,
        "refused": offer.refused or None,
        "version": listed.version if listed else None,
        "tick": _text(listed.order_price_min_tick_size) if listed else None,
        "min_size": _text(listed.order_min_size) if listed else None,
        "fee_rate": _fee(listed) if listed else None,
        "best_bid": _text(listed.best_bid) if listed else None,
        "best_ask": _text(listed.best_ask) if listed else None,
        "condition_id": listed.condition_id if listed else None,
        "token_ids": tokens,
    }


def _offer(
    slug: str, listed: GammaMarket | None, window: Window | None, *, followed: bool
) -> Offer:
    market: Market | None = None
    refused = ""
    if listed is not None:
        try:
            market = market_of(listed)
        except (ProtocolError, InvalidValue) as error:
            refused = str(error).removeprefix(f"{slug}: ")
    return Offer(
        slug=slug, window=window, listed=listed, market=market, refused=refused, followed=followed
    )


def _status(offer: Offer, now_ns: int) -> str:
    if offer.listed is None:
        return "not listed"
    if offer.listed.closed:
        return "resolved"
    span_of: Market | Window | None = offer.market or offer.window
    if span_of is None:
        return "open" if offer.listed.accepting_orders else "closed"
    if now_ns >= span_of.close_ns:
        return "closed"
    return "open" if now_ns >= span_of.open_ns else "upcoming"


def _say(offers: Sequence[Offer], now_ns: int) -> None:
    for offer in offers:
        say(shortened(offer.slug, _WIDTH))
        say(f"  {_when(offer, now_ns)}")
        if offer.listed is None:
            continue
        listed = offer.listed
        bid, ask = _price(listed.best_bid), _price(listed.best_ask)
        say(
            f"  Up bid {bid} ask {ask}  tick {_text(listed.order_price_min_tick_size)}"
            f"  fee rate {_fee(listed)}  {listed.version or 'no version'}"
        )
        if offer.refused:
            say(f"  refused: {offer.refused}")
    if offers:
        refused = sum(bool(offer.refused) for offer in offers)
        tail = f", {refused} refused" if refused else ""
        say(f"{plural(len(offers), 'market')}{tail}")


def _when(offer: Offer, now_ns: int) -> str:
    status = _status(offer, now_ns)
    span_of: Market | Window | None = offer.market or offer.window
    if span_of is None or status not in ("open", "upcoming", "not listed"):
        return status
    if now_ns >= span_of.open_ns:
        return f"{status}, closes in {span(max(span_of.close_ns - now_ns, 0) / _NS)}"
    return f"{status}, opens in {span((span_of.open_ns - now_ns) / _NS)}"


def _fee(listed: GammaMarket) -> str:
    schedule = listed.fee_schedule
    if not listed.fees_enabled:
        return "0"
    return "unknown" if schedule is None else _text(schedule.rate) or "0"


def _price(value: Decimal | None) -> str:
    """Write a price of the first outcome in dollars, to the cent at least."""
    return "-" if value is None else exact_dollars(int(value * DOLLAR_USDC))


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.normalize():f}"
