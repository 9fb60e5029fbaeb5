"""Gamma's routes: events and markets by slug, condition or token."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from datetime import UTC, datetime

from aiohttp import web

from polybot.simulator.api.desk import BAD_REQUEST, NOT_FOUND, Desk, Refused, answer
from polybot.simulator.books.accounts import WindowRow
from polybot.simulator.views.gamma import gamma_event, gamma_market

SLUG_NOT_FOUND = "slug not found"
INVALID_CURSOR = "invalid after_cursor"
INVALID_DATE = "invalid date"
MOST_OF_A_PAGE = 100
# The lists still answer, past the day they were to end; the paged ones replace them.
DEPRECATION = {
    "Deprecation": "true",
    "Sunset": "Fri, 01 May 2026 00:00:00 GMT",
    "Link": '</markets/keyset>; rel="successor-version"',
}
DEFAULT_LIMIT = 20
MOST = 500


class GammaRoutes:
    """The catalog: what can be traded, when, and how it ended."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/events/slug/{slug}", self.event),
            web.get("/markets/slug/{slug}", self.market),
            web.get("/events", self.events),
            web.get("/markets", self.markets),
            web.get("/events/keyset", self.events_page),
            web.get("/markets/keyset", self.markets_page),
        ]

    async def event(self, request: web.Request) -> web.Response:
        """Tell one event."""
        window = self._window(request.match_info["slug"])
        return answer(gamma_event(window, self._desk.exchange.book(window.slug)))

    async def market(self, request: web.Request) -> web.Response:
        """Tell one market."""
        window = self._window(request.match_info["slug"])
        return answer(gamma_market(window, self._desk.exchange.book(window.slug)))

    async def events(self, request: web.Request) -> web.Response:
        """List events, closed ones too unless asked otherwise."""
        book = self._desk.exchange.book
        rows = _limited(request, self._events(request))
        return _deprecated([gamma_event(window, book(window.slug)) for window in rows])

    async def markets(self, request: web.Request) -> web.Response:
        """List markets; closed ones only with closed=true, as on the real catalog."""
        book = self._desk.exchange.book
        rows = _limited(request, self._markets(request))
        return _deprecated([gamma_market(window, book(window.slug)) for window in rows])

    async def events_page(self, request: web.Request) -> web.Response:
        """List events page by page."""
        rows, cursor = _page(request, self._events(request))
        book = self._desk.exchange.book
        found = [gamma_event(window, book(window.slug)) for window in rows]
        return answer({"events": found, "next_cursor": cursor})

    async def markets_page(self, request: web.Request) -> web.Response:
        """List markets page by page."""
        rows, cursor = _page(request, self._markets(request))
        book = self._desk.exchange.book
        found = [gamma_market(window, book(window.slug)) for window in rows]
        return answer({"markets": found, "next_cursor": cursor})

    def _events(self, request: web.Request) -> list[WindowRow]:
        closed = request.query.get("closed", "")
        return [
            window
            for window in self._chosen(request)
            if closed == "" or bool(window.resolved_ns) == (closed == "true")
        ]

    def _markets(self, request: web.Request) -> list[WindowRow]:
        closed = request.query.get("closed", "false") == "true"
        return [window for window in self._chosen(request) if bool(window.resolved_ns) == closed]

    def _window(self, slug: str) -> WindowRow:
        self._desk.world.catch_up()
        window = self._desk.ledger.state.windows.get(slug)
        if window is None:
            raise Refused(NOT_FOUND, SLUG_NOT_FOUND)
        return window

    def _chosen(self, request: web.Request) -> list[WindowRow]:
        """Return the windows a query names, all of them when it names none; newest first."""
        self._desk.world.catch_up()
        ledger, query = self._desk.ledger, request.query
        named = [ledger.state.windows.get(slug) for slug in query.getall("slug", [])]
        named += [ledger.window_of_condition(cid) for cid in query.getall("condition_ids", [])]
        named += [ledger.window_of_token(token) for token in query.getall("clob_token_ids", [])]
        if not {"slug", "condition_ids", "clob_token_ids"}.isdisjoint(query):
            return [window for window in named if window is not None]
        earliest, latest = (
            _moment_ns(query.get(name)) for name in ("end_date_min", "end_date_max")
        )
        return [
            window
            for window in reversed(ledger.state.windows.values())
            if (earliest is None or window.market.close_ns >= earliest)
            and (latest is None or window.market.close_ns <= latest)
        ]


def _limited(request: web.Request, rows: list[WindowRow]) -> list[WindowRow]:
    text = request.query.get("limit", "")
    limit = int(text) if text.isdecimal() else DEFAULT_LIMIT
    return rows[: min(limit, MOST)]


def _page(request: web.Request, rows: list[WindowRow]) -> tuple[list[WindowRow], str | None]:
    """Return one page and the cursor of the next, None at the end."""
    cursor = request.query.get("after_cursor", "")
    start = 0
    if cursor:
        try:
            start = int(urlsafe_b64decode(cursor))
        except (Base64Error, ValueError) as error:
            raise Refused(BAD_REQUEST, INVALID_CURSOR) from error
    text = request.query.get("limit", "")
    end = start + min(int(text) if text.isdecimal() else DEFAULT_LIMIT, MOST_OF_A_PAGE)
    following = urlsafe_b64encode(str(end).encode()).decode() if end < len(rows) else None
    return rows[max(start, 0) : end], following


def _moment_ns(text: str | None) -> int | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused(BAD_REQUEST, INVALID_DATE) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000_000


def _deprecated(rows: object) -> web.Response:
    response = answer(rows)
    response.headers.update(DEPRECATION)
    return response
