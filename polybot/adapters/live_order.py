"""One order of the doctor's at the real exchange: sent, found again by every route, taken back."""

from collections.abc import Callable

import msgspec

from polybot.errors import NotFound
from polybot.exchange.account_rows import venue_order
from polybot.exchange.answers import outcome_of
from polybot.exchange.classify import classify
from polybot.exchange.http_calls import HttpAnswer, HttpCall
from polybot.exchange.l2_auth import RequestSigner
from polybot.exchange.wire_account import LAST_CURSOR, OpenOrder, OrdersPage
from polybot.exchange.wire_cancels import CancelAnswer
from polybot.exchange.wire_codec import encode
from polybot.exchange.wire_orders import PostOrderAnswer
from polybot.ports import Clock, SignedOrder, VenueOrder

NOT_FOUND = 404
SECOND_NS = 1_000_000_000
# More open orders than this on one account, and the order is looked up by its id alone.
MOST_PAGES = 20

# Sends one request and waits for its answer, or for one that carries the error.
Ask = Callable[[HttpCall], HttpAnswer]


class Posted(msgspec.Struct, frozen=True):
    """What the exchange said to the order: the id it gave, and its status."""

    order_id: str
    status: str


class LiveOrderDesk:
    """The L2 routes of one order; nothing is ever sent twice.

    Every method raises ExchangeError; OutcomeUnknown after `post` means that the order may rest.
    """

    def __init__(self, ask: Ask, signer: RequestSigner, clock: Clock) -> None:
        self._ask = ask
        self._signer = signer
        self._clock = clock

    def post(self, order: SignedOrder) -> Posted:
        """Send an order once."""
        answer = self._call("POST", "/order", body=order.body)
        placed = outcome_of(answer, PostOrderAnswer)
        if not placed.placed:
            raise classify(answer.status or 0, answer.body)
        return Posted(placed.order_id or "", placed.status)

    def find(self, order_id: str) -> VenueOrder | None:
        """Return an order by its id, None when the exchange does not know it."""
        answer = self._call("GET", f"/data/order/{order_id}")
        if answer.status == NOT_FOUND or answer.body.strip() in (b"null", b""):
            if answer.error is not None:
                raise answer.error
            return None
        return venue_order(outcome_of(answer, OpenOrder))

    def is_listed(self, order_id: str) -> bool:
        """Return whether an order is among the open ones."""
        cursor = ""
        for _ in range(MOST_PAGES):
            query = {"next_cursor": cursor} if cursor else {}
            page = outcome_of(self._call("GET", "/data/orders", query=query), OrdersPage)
            if any(row.id.lower() == order_id.lower() for row in page.data):
                return True
            cursor = page.next_cursor
            if cursor in ("", LAST_CURSOR):
                return False
        raise NotFound(f"expected the order among {MOST_PAGES} pages of open orders, was not")

    def cancel(self, order_id: str) -> str:
        """Take an order back; returns "" or the exchange's word why it is not canceled."""
        body = encode({"orderID": order_id})
        wire = outcome_of(self._call("DELETE", "/order", body=body), CancelAnswer)
        if any(each.lower() == order_id.lower() for each in wire.canceled):
            return ""
        return next(iter(wire.not_canceled.values()), "the exchange did not mention it")

    def _call(
        self, method: str, path: str, *, body: bytes = b"", query: dict[str, str] | None = None
    ) -> HttpAnswer:
        now_s = self._clock.now_ns() // SECOND_NS
        headers = self._signer.headers(now_s, method, path, body)
        return self._ask(HttpCall(method, path, query=query or {}, body=body, headers=headers))
