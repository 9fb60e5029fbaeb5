"""The account at the exchange for a person's commands: open orders, balance, cancels; it waits."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from polybot.errors import OutcomeUnknown, ProtocolError
from polybot.exchange.answers import body_of
from polybot.exchange.http_calls import HttpCall, Transport
from polybot.exchange.l2_auth import RequestSigner
from polybot.exchange.waiting_call import ask
from polybot.exchange.wire_account import (
    COLLATERAL,
    FIRST_CURSOR,
    LAST_CURSOR,
    BalanceAllowance,
    OpenOrder,
    OrdersPage,
)
from polybot.exchange.wire_cancels import CancelAnswer
from polybot.exchange.wire_codec import decode, encode
from polybot.ports import Clock

ORDERS = "/data/orders"
CANCEL = "/orders"
BALANCE = "/balance-allowance"
ENDS = ("", LAST_CURSOR)
# The exchange takes at most this many ids in one DELETE /orders.
CANCEL_BATCH = 1000
# A page that names itself as the next one must not be asked for ever.
MOST_PAGES = 200

Wire = TypeVar("Wire")


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """The wallet's dollars at the exchange, and what each contract may take of them."""

    cash_usdc: int
    allowances_usdc: dict[str, int]


class Canceled(msgspec.Struct, frozen=True, kw_only=True):
    """How a cancel ended: ids gone, and ids not gone with the exchange's words."""

    canceled: tuple[str, ...]
    not_canceled: dict[str, str]


class AccountClient(msgspec.Struct, frozen=True):
    """Reads and cancels with API credentials; it has no private key, so it can place nothing.

    Every method raises ExchangeError when the exchange does not answer or says no.
    """

    transport: Transport
    signer: RequestSigner
    clock: Clock
    signature_type: int

    def open_orders(self) -> list[OpenOrder]:
        """Return every open order of the account, whoever placed it."""
        rows: list[OpenOrder] = []
        cursor = FIRST_CURSOR
        for _ in range(MOST_PAGES):
            page = self._read("GET", ORDERS, OrdersPage, query={"next_cursor": cursor})
            rows += page.data
            cursor = page.next_cursor
            if cursor in ENDS:
                return rows
        raise OutcomeUnknown(f"expected at most {MOST_PAGES} pages of open orders, was more")

    def balance(self) -> Balance:
        """Return the wallet's dollars and allowances."""
        query = {"asset_type": COLLATERAL, "signature_type": str(self.signature_type)}
        told = self._read("GET", BALANCE, BalanceAllowance, query=query)
        try:
            allowances = {spender: int(value) for spender, value in told.allowances.items()}
            return Balance(cash_usdc=int(told.balance), allowances_usdc=allowances)
        except ValueError as error:
            raise ProtocolError(f"expected balances as whole numbers: {error}") from error

    def cancel(self, order_ids: Sequence[str]) -> Canceled:
        """Cancel orders by their ids; an id that is not open any more is among `not_canceled`."""
        canceled: list[str] = []
        refused: dict[str, str] = {}
        for start in range(0, len(order_ids), CANCEL_BATCH):
            body = encode(tuple(order_ids[start : start + CANCEL_BATCH]))
            answer = self._read("DELETE", CANCEL, CancelAnswer, body=body)
            canceled += answer.canceled
            refused |= answer.not_canceled
        return Canceled(canceled=tuple(canceled), not_canceled=refused)

    def _read(
        self,
        method: str,
        path: str,
        wanted: type[Wire],
        *,
        query: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> Wire:
        headers = self.signer.headers(self.clock.now_ns() // 1_000_000_000, method, path, body)
        call = HttpCall(method, path, query=query or {}, body=body, headers=headers)
        return decode(body_of(ask(self.transport, call)), wanted)
