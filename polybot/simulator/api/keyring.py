"""The API keys of the simulated exchange: they follow from wallet and nonce, so none is stored."""

from polybot.exchange.l2_auth import (
    ApiCredentials,
    RequestSigner,
    SignedRequest,
    derive_credentials,
)
from polybot.simulator.books.accounts import AccountRow
from polybot.simulator.books.records import AccountOpened, ApiKeyCreated, ApiKeyDeleted
from polybot.simulator.engine.engine import SimulatedExchange


class KeyRing:
    """Gives wallets their credentials, and knows who signed a request."""

    def __init__(
        self, exchange: SimulatedExchange, *, secret: bytes, opening_balance_usdc: int
    ) -> None:
        self._exchange = exchange
        self._secret = secret
        self._opening_balance_usdc = opening_balance_usdc
        self._signers: dict[str, RequestSigner] = {}
        self._nonces: dict[str, tuple[str, int]] = {}
        for address, nonce in exchange.ledger.state.keys:
            self._add(address, nonce)

    def create(self, address: str, nonce: int, now_ns: int) -> ApiCredentials | None:
        """Return new credentials, None when this wallet has some with this nonce.

        A wallet's first key opens its account, with play money in it.
        """
        if self._find(address, nonce) is not None:
            return None
        emit = self._exchange.core.emit
        if self._exchange.ledger.account(address) is None:
            amount = self._opening_balance_usdc
            emit(AccountOpened(ts_ns=now_ns, address=address, amount_usdc=amount))
        emit(ApiKeyCreated(ts_ns=now_ns, address=address, nonce=nonce))
        return self._add(address, nonce)

    def derive(self, address: str, nonce: int) -> ApiCredentials | None:
        """Return the credentials a wallet has with a nonce, None when it has none."""
        return self._find(address, nonce)

    def delete(self, api_key: str, now_ns: int) -> None:
        """Forget an API key; its wallet may create it again."""
        address, nonce = self._nonces.pop(api_key)
        del self._signers[api_key]
        self._exchange.core.emit(ApiKeyDeleted(ts_ns=now_ns, address=address, nonce=nonce))

    def keys_of(self, account: AccountRow) -> list[str]:
        """Return all API keys of an account."""
        return [key for key, signer in self._signers.items() if signer.address == account.address]

    def account_of_key(self, credentials: ApiCredentials) -> AccountRow | None:
        """Return whose credentials these are, None when they are nobody's."""
        signer = self._signers.get(credentials.api_key)
        if signer is None or signer.credentials != credentials:
            return None
        return self._exchange.ledger.account(signer.address)

    def account_of_request(self, request: SignedRequest, *, now_s: int) -> AccountRow | None:
        """Return who signed a request, None when nobody known did."""
        signer = self._signers.get(request.headers.get("POLY_API_KEY", ""))
        if signer is None or signer.refusal(request, now_s=now_s):
            return None
        return self._exchange.ledger.account(signer.address)

    def _find(self, address: str, nonce: int) -> ApiCredentials | None:
        credentials = derive_credentials(self._secret, address, nonce)
        return credentials if credentials.api_key in self._signers else None

    def _add(self, address: str, nonce: int) -> ApiCredentials:
        credentials = derive_credentials(self._secret, address, nonce)
        account = self._exchange.ledger.account(address)
        owner = account.address if account else address
        self._signers[credentials.api_key] = RequestSigner(owner, credentials)
        self._nonces[credentials.api_key] = (address, nonce)
        return credentials
