"""Reads an account's orders, trades and balances in one go, all requests under way at once."""

import threading
from collections.abc import Callable, Sequence

import msgspec

from polybot.errors import PolybotError, ProtocolError
from polybot.exchange.account_rows import own_fills, venue_order
from polybot.exchange.answers import body_of
from polybot.exchange.balance_query import balance_query
from polybot.exchange.http_calls import HttpAnswer, HttpCall, Transport
from polybot.exchange.l2_auth import RequestSigner
from polybot.exchange.wire_account import (
    FIRST_CURSOR,
    LAST_CURSOR,
    BalanceAllowance,
    OrdersPage,
    TradesPage,
)
from polybot.exchange.wire_codec import decode
from polybot.ports import AccountSnapshot, Clock, VenueFill, VenueOrder

ORDERS = "/data/orders"
TRADES = "/data/trades"
BALANCE = "/balance-allowance"
ENDS = ("", LAST_CURSOR)


class _Job(msgspec.Struct):
    """One snapshot under way: answers come in any order, in the transport's threads."""

    tag: str
    done: Callable[[AccountSnapshot], None]
    lock: threading.Lock = msgspec.field(default_factory=threading.Lock)
    waiting: int = 0
    orders: list[VenueOrder] = msgspec.field(default_factory=list)
    fills: list[VenueFill] = msgspec.field(default_factory=list)
    balance_usdc: int = 0
    shares: dict[str, int] = msgspec.field(default_factory=dict)
    error: PolybotError | None = None

    def finished(self) -> None:
        """Count one answer; the last one hands the snapshot over."""
        with self.lock:
            self.waiting -= 1
            if self.waiting:
                return
        self.done(
            AccountSnapshot(
                orders=tuple(self.orders),
                fills=tuple(self.fills),
                balance_usdc=self.balance_usdc,
                shares=self.shares,
                error=self.error,
                tag=self.tag,
            )
        )


class AccountReader:
    """Asks for everything a reconcile compares; one failed request fails the whole snapshot."""

    def __init__(
        self, signer: RequestSigner, *, reads: Transport, clock: Clock, signature_type: int
    ) -> None:
        self._signer = signer
        self._reads = reads
        self._clock = clock
        self._signature_type = signature_type

    def read(
        self,
        token_ids: Sequence[str],
        after_s: int,
        tag: str,
        done: Callable[[AccountSnapshot], None],
    ) -> None:
        """Read the account; `done` gets the snapshot in a transport thread.

        The parts are of slightly different moments: a match in between may show in the balance and
        not among the trades, so a difference is believed only when the next snapshot shows it too.
        """
        job = _Job(tag, done)
        job.waiting = 3 + len(token_ids)
        self._orders(job, FIRST_CURSOR)
        self._trades(job, after_s, FIRST_CURSOR)
        self._balance(job, "")
        for token_id in token_ids:
            self._balance(job, token_id)

    def _send(
        self, job: _Job, path: str, query: dict[str, str], use: Callable[[bytes], bool]
    ) -> None:
        headers = self._signer.headers(self._clock.now_ns() // 1_000_000_000, "GET", path)

        def done(answer: HttpAnswer) -> None:
            more = False
            try:
                more = use(body_of(answer))
            except PolybotError as error:
                job.error = error
            except ValueError as error:
                job.error = ProtocolError(f"expected {path} with readable numbers: {error}")
            if not more:
                job.finished()

        self._reads.send(HttpCall("GET", path, query=query, headers=headers), done)

    def _orders(self, job: _Job, cursor: str) -> None:
        def use(body: bytes) -> bool:
            page = decode(body, OrdersPage)
            job.orders.extend(venue_order(row) for row in page.data)
            if page.next_cursor in ENDS:
                return False
            self._orders(job, page.next_cursor)
            return True

        self._send(job, ORDERS, {"next_cursor": cursor}, use)

    def _trades(self, job: _Job, after_s: int, cursor: str) -> None:
        def use(body: bytes) -> bool:
            page = decode(body, TradesPage)
            for trade in page.data:
                job.fills.extend(own_fills(trade, api_key=self._signer.credentials.api_key))
            if page.next_cursor in ENDS:
                return False
            self._trades(job, after_s, page.next_cursor)
            return True

        self._send(job, TRADES, {"after": str(after_s), "next_cursor": cursor}, use)

    def _balance(self, job: _Job, token_id: str) -> None:
        query = balance_query(token_id, self._signature_type)

        def use(body: bytes) -> bool:
            balance = int(decode(body, BalanceAllowance).balance)
            if token_id:
                job.shares[token_id] = balance
            else:
                job.balance_usdc = balance
            return False

        self._send(job, BALANCE, query, use)
