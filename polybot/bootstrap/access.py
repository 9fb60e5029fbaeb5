"""The trader's account at the exchange: logs in once, then signs and sends."""

import logging
from collections import deque
from collections.abc import Callable

from polybot.adapters.account_snapshot import AccountReader
from polybot.adapters.clob_gateway import ClobGateway
from polybot.adapters.exchange_login import ExchangeLogin
from polybot.adapters.order_signer import WalletOrderSigner
from polybot.adapters.wallet_files import AccountCredentials, WalletFiles
from polybot.errors import PolybotError
from polybot.exchange.http_calls import Transport
from polybot.exchange.l2_auth import ApiCredentials, RequestSigner
from polybot.exchange.signing import OrderSigner
from polybot.ports import Clock, GatewayAnswer
from polybot.runtime.logs import SecretMask

logger = logging.getLogger(__name__)

RETRY_NS = 1_000_000_000
# The simulator of the same floor may still be starting: say nothing of the first refusals.
QUIET_FAILURES = 5


class WalletAccess:
    """Holds gateway and signer once there are credentials; they are kept in a file for next time."""

    gateway: ClobGateway
    signer: WalletOrderSigner

    def __init__(
        self,
        key: OrderSigner,
        *,
        funder: str,
        signature_type: int,
        files: WalletFiles,
        login: ExchangeLogin,
        orders: Transport,
        reads: Transport,
        clock: Clock,
        wake: Callable[[], None],
        mask: SecretMask,
    ) -> None:
        self.api_key = ""
        self._key = key
        self._funder = funder or key.address
        self._signature_type = signature_type
        self._files = files
        self._login = login
        self._transports = (orders, reads)
        self._clock = clock
        self._wake = wake
        self._mask = mask
        self._api: ApiCredentials | None = None
        self._asked_ns: int | None = None
        self._failures = 0
        self._answers: deque[GatewayAnswer] = deque()
        known = files.credentials()
        if known is not None and known == self._account(known.api):
            self._use(known.api)

    def ready(self) -> bool:
        """Return whether there are credentials; log in, at most once a second, when not."""
        if self._api is not None:
            return True
        now = self._clock.monotonic_ns()
        if self._asked_ns is None or now - self._asked_ns >= RETRY_NS:
            self._asked_ns = now
            self._login.log_in(self._done)
        return False

    def credentials(self) -> ApiCredentials | None:
        """Return the API credentials, None before the login."""
        return self._api

    def renew(self) -> None:
        """Forget the credentials and log in again."""
        logger.warning("the exchange refused the API credentials: logging in again")
        self._api = None

    def _done(self, result: ApiCredentials | PolybotError) -> None:
        # Called in a transport thread; the attributes below are read by the loop only after `_api`.
        if isinstance(result, PolybotError):
            self._failures += 1
            if self._failures >= QUIET_FAILURES:
                logger.warning("login at the exchange: %s", result)
            return
        self._failures = 0
        try:
            self._files.save_credentials(self._account(result))
        except OSError as error:
            # Only the others wait for the file: this process has what it needs.
            logger.error("cannot write %s: %s", self._files.credentials_path, error.strerror)
        self._use(result)
        self._wake()

    def _account(self, api: ApiCredentials) -> AccountCredentials:
        return AccountCredentials(
            address=self._key.address,
            funder=self._funder,
            signature_type=self._signature_type,
            api=api,
        )

    def _use(self, api: ApiCredentials) -> None:
        self._mask.add(api.secret)
        self._mask.add(api.passphrase)
        orders, reads = self._transports
        request_signer = RequestSigner(self._key.address, api)
        snapshots = AccountReader(
            request_signer, reads=reads, clock=self._clock, signature_type=self._signature_type
        )
        self.api_key = api.api_key
        self.signer = WalletOrderSigner(
            self._key,
            funder=self._funder,
            signature_type=self._signature_type,
            owner=api.api_key,
        )
        self.gateway = ClobGateway(
            request_signer,
            orders=orders,
            reads=reads,
            snapshots=snapshots.read,
            clock=self._clock,
            wake=self._wake,
            answers=self._answers,
        )
        self._api = api
