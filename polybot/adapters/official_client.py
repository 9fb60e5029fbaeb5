"""The account as the official py-clob-client reads it: a second opinion on our own wire code.

Nothing here is shared with the trader's parsing, on purpose. The client gets the API credentials
and a signer that knows the address only, which is enough for every read.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from time import sleep
from typing import Any, TypeVar

import msgspec

from polybot.domain.audit import Told, ToldFill, ToldOrder
from polybot.errors import (
    ExchangeError,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Unauthorized,
    Unavailable,
)

SECOND_NS = 1_000_000_000
MICRO = 1_000_000
BPS = 10_000
MAKER = "MAKER"
CANCELED = "CANCELED"
NOT_FOUND = 404
SERVER_ERROR = 500
# Reading changes nothing at the exchange, so it may be asked again.
AGAIN_AFTER_S = (0.1, 0.5)
_ERRORS: dict[int, type[ExchangeError]] = {
    401: Unauthorized,
    403: Unauthorized,
    404: NotFound,
    425: Unavailable,
    429: RateLimited,
    503: Unavailable,
}
Answer = TypeVar("Answer")


class AuditAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Whose account is read; `address` signs, `funder` holds the money."""

    address: str
    funder: str
    signature_type: int
    api_key: str
    secret: str
    passphrase: str


class AddressOnlySigner:
    """Stands in for a private key where only the address is asked for."""

    def __init__(self, address: str, chain_id: int) -> None:
        self._address = address
        self._chain_id = chain_id

    def address(self) -> str:
        """Return the address."""
        return self._address

    def get_chain_id(self) -> int:
        """Return the chain id."""
        return self._chain_id


class OfficialClient:
    """Reads orders, trades and balances; the package loads with the first instance."""

    def __init__(
        self, host: str, account: AuditAccount, *, chain_id: int, timeout_s: float
    ) -> None:
        # The package takes 0.6 s of processor time to load: only an audit pays for it.
        import httpx  # noqa: PLC0415
        from py_clob_client import clob_types, constants, exceptions  # noqa: PLC0415
        from py_clob_client.client import ClobClient  # noqa: PLC0415
        from py_clob_client.http_helpers import helpers  # noqa: PLC0415

        # The package offers no other way to set a timeout.
        self._http = httpx.Client(timeout=timeout_s)
        helpers._http_client.close()  # noqa: SLF001
        helpers._http_client = self._http  # noqa: SLF001
        self._types = clob_types
        self._failure: type[Exception] = exceptions.PolyException
        self._transport_failure: type[Exception] = httpx.HTTPError
        self._account = account
        self._client = ClobClient(host, chain_id=chain_id)
        self._client.signer = AddressOnlySigner(account.address, chain_id)
        self._client.creds = clob_types.ApiCreds(
            account.api_key, account.secret, account.passphrase
        )
        self._client.mode = constants.L2

    def read(self, *, order_ids: Sequence[str], token_ids: Sequence[str], after_s: int) -> Told:
        """Return what the exchange says of the account; raises ExchangeError.

        All open orders are listed, and every order of `order_ids` that is not among them is asked
        for by its id; trades are those matched at or after `after_s` (UTC seconds).
        """
        orders = self._open_orders()
        for order_id in order_ids:
            if order_id not in orders:
                order = self._order(order_id)
                if order is not None:
                    orders[order_id] = order
        fills = self._fills(after_s)
        shares = {token_id: self._balance(token_id) for token_id in token_ids}
        return Told(orders=orders, fills=fills, cash_usdc=self._balance(""), shares=shares)

    def close(self) -> None:
        """Close the connections; the package has none of its own any more."""
        self._http.close()

    def _open_orders(self) -> dict[str, ToldOrder]:
        rows = self._ask("open orders", self._client.get_orders)
        return {row["id"]: _read(_order_of, row) for row in rows}

    def _order(self, order_id: str) -> ToldOrder | None:
        try:
            row = self._ask(f"order {order_id}", lambda: self._client.get_order(order_id))
        except NotFound:
            return None
        return _read(_order_of, row) if row else None

    def _fills(self, after_s: int) -> dict[tuple[str, str], ToldFill]:
        params = self._types.TradeParams(after=after_s or None)
        rows = self._ask("trades", lambda: self._client.get_trades(params))
        fills = [fill for row in rows for fill in _read(lambda r: _fills_of(r, self._account), row)]
        return {(fill.trade_id, fill.order_id): fill for fill in fills}

    def _balance(self, token_id: str) -> int:
        kinds = self._types.AssetType
        params = self._types.BalanceAllowanceParams(
            asset_type=kinds.CONDITIONAL if token_id else kinds.COLLATERAL,
            token_id=token_id or None,
            signature_type=self._account.signature_type,
        )
        answer = self._ask("a balance", lambda: self._client.get_balance_allowance(params))
        return _read(lambda row: int(row["balance"]), answer)

    def _ask(self, what: str, call: Callable[[], Any]) -> Any:
        """Read, and again where no readable answer came: of a thousand orders one always fails."""
        for pause_s in AGAIN_AFTER_S:
            with suppress(OutcomeUnknown):
                return self._ask_once(what, call)
            sleep(pause_s)
        return self._ask_once(what, call)

    def _ask_once(self, what: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except self._failure as error:
            status = getattr(error, "status_code", None)
            text = f"reading {what}: {getattr(error, 'error_msg', error)}"
            if status is None or status >= SERVER_ERROR:
                raise OutcomeUnknown(text, status=status) from error
            raise _ERRORS.get(status, ExchangeError)(text, status=status) from error
        except (self._transport_failure, KeyError, TypeError) as error:
            # The client follows pages by keys that an unexpected answer does not have.
            raise OutcomeUnknown(f"reading {what}: {type(error).__name__}: {error}") from error


def _read(parse: Callable[[Any], Answer], row: Any) -> Answer:
    try:
        return parse(row)
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        message = f"expected a readable row, was {str(row)[:200]}: {type(error).__name__} {error}"
        raise OutcomeUnknown(message) from error


def _order_of(row: dict[str, Any]) -> ToldOrder:
    return ToldOrder(
        order_id=row["id"],
        status=_plain(row["status"]),
        token_id=row["asset_id"],
        side=row["side"],
        price_bps=_units(row["price"], BPS),
        original_shares=_units(row["original_size"], MICRO),
        matched_shares=_units(row["size_matched"], MICRO),
    )


def _fills_of(row: dict[str, Any], account: AuditAccount) -> list[ToldFill]:
    """Return our part of a trade: a maker's stands among the maker orders, not at the top.

    Where a person's own trade met a resting order of ours, we were on both sides.
    """
    parts = [
        (maker["order_id"], maker, maker["matched_amount"])
        for maker in row.get("maker_orders") or ()
        if account.api_key == maker.get("owner")
        or account.funder.lower() == maker.get("maker_address", "").lower()
    ]
    if row.get("trader_side") != MAKER:
        parts.insert(0, (row["taker_order_id"], row, row.get("size")))
    return [
        ToldFill(
            trade_id=row["id"],
            order_id=order_id,
            token_id=part["asset_id"],
            side=part["side"],
            price_bps=_units(part["price"], BPS),
            size_shares=_units(size, MICRO),
            status=_plain(row["status"]),
            matched_ns=int(row.get("match_time") or 0) * SECOND_NS,
        )
        for order_id, part, size in parts
    ]


def _plain(status: str) -> str:
    """Return a status without prefix ("ORDER_STATUS_LIVE") and reason ("CANCELED_why")."""
    for prefix in ("ORDER_STATUS_", "TRADE_STATUS_"):
        status = status.removeprefix(prefix)
    return CANCELED if status.startswith(CANCELED) else status


def _units(text: str | float | None, scale: int) -> int:
    """Return a decimal text as a whole number of units; the exchange writes "" for nothing."""
    scaled = Decimal(str(text or 0)) * scale
    if scaled != scaled.to_integral_value():
        raise ValueError(f"expected a multiple of 1/{scale}, was {text!r}")
    return int(scaled)
