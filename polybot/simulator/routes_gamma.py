"""Gamma's routes: events and markets by slug, condition or token."""

from aiohttp import web

from polybot.simulator.accounts import WindowRow
from polybot.simulator.desk import NOT_FOUND, Desk, Refused, answer
from polybot.simulator.views_gamma import gamma_event, gamma_market

SLUG_NOT_FOUND = "slug not found"
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
        closed = request.query.get("closed", "")
        rows = [
            window
            for window in self._chosen(request)
            if closed == "" or bool(window.resolved_ns) == (closed == "true")
        ]
        book = self._desk.exchange.book
        return answer(
            [gamma_event(window, book(window.slug)) for window in _limited(request, rows)]
        )

    async def markets(self, request: web.Request) -> web.Response:
        """List markets; closed ones only with closed=true, as on the real catalog."""
        closed = request.query.get("closed", "false") == "true"
        rows = [window for window in self._chosen(request) if bool(window.resolved_ns) == closed]
        book = self._desk.exchange.book
        return answer(
            [gamma_market(window, book(window.slug)) for window in _limited(request, rows)]
        )

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
        return list(reversed(ledger.state.windows.values()))


def _limited(request: web.Request, rows: list[WindowRow]) -> list[WindowRow]:
    text = request.query.get("limit", "")
    limit = int(text) if text.isdecimal() else DEFAULT_LIMIT
    return rows[: min(limit, MOST)]
