"""A wallet at the exchange as the official py-clob-client sees it: login, money, permissions.

Used where a person waits: by `polybot init` and `polybot doctor`. Every call blocks for at most the
timeout and raises a typed ExchangeError.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from polybot.errors import (
    ExchangeError,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
)
from polybot.exchange.l2_auth import ApiCredentials

BAD_REQUEST = 400
SERVER_ERROR = 500
_ERRORS: dict[int, type[ExchangeError]] = {
    400: Rejected,
    401: Unauthorized,
    403: Unauthorized,
    404: NotFound,
    425: Unavailable,
    429: RateLimited,
    503: Unavailable,
}


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet's dollars, and what the exchange's contracts may take of them; micro-dollars.

    `allowance_usdc` is the smallest of the contracts': one that is missing stops its orders.
    """

    balance_usdc: int
    allowance_usdc: int


class WalletProbe:
    """Asks about one key's wallets; the package loads with the first instance."""

    def __init__(self, host: str, private_key: str, *, chain_id: int, timeout_s: float) -> None:
        # The package takes 0.6 s of processor time to load: only who needs it pays for it.
        import httpx  # noqa: PLC0415
        from py_clob_client import clob_types, exceptions  # noqa: PLC0415
        from py_clob_client.client import ClobClient  # noqa: PLC0415
        from py_clob_client.http_helpers import helpers  # noqa: PLC0415

        # The package offers no other way to set a timeout.
        self._http = httpx.Client(timeout=timeout_s)
        helpers._http_client.close()  # noqa: SLF001
        helpers._http_client = self._http  # noqa: SLF001
        self._types = clob_types
        self._failure: type[Exception] = exceptions.PolyException
        self._transport_failure: type[Exception] = httpx.HTTPError
        self._client = ClobClient(host, chain_id=chain_id, key=private_key)

    def log_in(self) -> ApiCredentials:
        """Create the wallet's API key, or derive the one it has (L1); the probe uses it then."""
        try:
            made = self._ask("creating the API key", self._client.create_api_key)
        except (Unavailable, RateLimited, OutcomeUnknown):
            raise
        except ExchangeError:
            # A wallet with a key is refused a second one, and told the first one again.
            made = self._ask("deriving the API key", self._client.derive_api_key)
        if made is None:
            raise OutcomeUnknown("expected API credentials, was an unreadable answer")
        credentials = ApiCredentials(
            api_key=made.api_key, secret=made.api_secret, passphrase=made.api_passphrase
        )
        self.use(credentials)
        return credentials

    def use(self, credentials: ApiCredentials) -> None:
        """Ask with these credentials from now on."""
        self._client.set_api_creds(
            self._types.ApiCreds(credentials.api_key, credentials.secret, credentials.passphrase)
        )

    def api_keys(self) -> tuple[str, ...]:
        """Return the wallet's API keys; raises Unauthorized when the credentials are refused."""
        answer = self._ask("the API keys", self._client.get_api_keys)
        return tuple(answer["apiKeys"]) if isinstance(answer, dict) else tuple(answer)

    def is_closed_only(self) -> bool:
        """Return whether the account may only sell."""
        answer = self._ask("closed-only mode", self._client.get_closed_only_mode)
        return bool(answer["closed_only"])

    def holding(self, signature_type: int) -> Holding:
        """Return what the wallet of a kind holds and has approved."""
        params = self._collateral(signature_type)
        answer = self._ask("the balance", lambda: self._client.get_balance_allowance(params))
        try:
            allowances = answer.get("allowances") or {"": answer["allowance"]}
            smallest = min(int(amount) for amount in allowances.values())
            return Holding(balance_usdc=int(answer["balance"]), allowance_usdc=smallest)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise OutcomeUnknown(f"expected a balance, was {str(answer)[:200]}") from error

    def refresh_holding(self, signature_type: int) -> None:
        """Let the exchange read balance and approvals from the chain anew."""
        params = self._collateral(signature_type)
        self._ask("a fresh balance", lambda: self._client.update_balance_allowance(params))

    def open_orders(self) -> list[dict[str, Any]]:
        """Return the account's open orders as the exchange lists them."""
        orders: list[dict[str, Any]] = self._ask("open orders", self._client.get_orders)
        return orders

    def close(self) -> None:
        """Close the connections; the package has none of its own any more."""
        self._http.close()

    def _collateral(self, signature_type: int) -> Any:
        return self._types.BalanceAllowanceParams(
            asset_type=self._types.AssetType.COLLATERAL, signature_type=signature_type
        )

    def _ask(self, what: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except self._failure as error:
            status = getattr(error, "status_code", None)
            text = f"{what}: {_words(getattr(error, 'error_msg', error))}"
            if status is None:
                raise Unavailable(f"{what}: no answer from the exchange") from error
            if status >= SERVER_ERROR and status not in _ERRORS:
                raise OutcomeUnknown(text, status=status) from error
            raise _ERRORS.get(status, ExchangeError)(text, status=status) from error
        except (self._transport_failure, KeyError, TypeError) as error:
            raise OutcomeUnknown(f"{what}: {type(error).__name__}: {error}") from error


def _words(told: Any) -> str:
    return str(told.get("error", told)) if isinstance(told, dict) else str(told)[:200]
