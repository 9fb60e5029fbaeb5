"""The trader's account at the exchange: logs in once, then signs and sends."""

import contextlib
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field

from polybot.adapters.account_snapshot import AccountReader
from polybot.adapters.clob_gateway import ClobGateway
from polybot.adapters.exchange_login import ExchangeLogin
from polybot.adapters.order_signer import WalletOrderSigner
from polybot.adapters.wallet_files import AccountCredentials, WalletFiles
from polybot.errors import PolybotError, StorageError, Unauthorized
from polybot.exchange.http_calls import Transport
from polybot.exchange.l2_auth import ApiCredentials, RequestSigner
from polybot.exchange.signing import OrderSigner
from polybot.ports import Clock, GatewayAnswer
from polybot.ports.fence import NO_FENCE, Fence
from polybot.runtime.logs import SecretMask

logger = logging.getLogger(__name__)

RETRY_NS = 1_000_000_000
SAVE_AGAIN_NS = 5_000_000_000
# The simulator of the same floor may still be starting: say nothing of the first refusals.
QUIET_FAILURES = 5
LOG_EVERY = 60
REFUSED_HINT = "; check this machine's clock (timedatectl) and the wallet (polybot doctor)"


@dataclass(slots=True)
class WalletAccess:
    """Holds gateway and signer once there are credentials; a file keeps them for next time.

    `funder` "" means that the key's own address holds the funds.
    """

    key: OrderSigner
    _: KW_ONLY
    funder: str
    signature_type: int
    files: WalletFiles
    login: ExchangeLogin
    orders: Transport
    reads: Transport
    clock: Clock
    wake: Callable[[], None]
    mask: SecretMask
    fence: Fence = NO_FENCE
    api_key: str = field(init=False, default="")
    gateway: ClobGateway = field(init=False)
    signer: WalletOrderSigner = field(init=False)
    _api: ApiCredentials | None = field(init=False, default=None)
    _asked_ns: int | None = field(init=False, default=None)
    _failures: int = field(init=False, default=0)
    _unsaved: AccountCredentials | None = field(init=False, default=None)
    _saved_ns: int = field(init=False, default=0)
    _answers: deque[GatewayAnswer] = field(init=False, default_factory=deque)

    def __post_init__(self) -> None:
        self.funder = self.funder or self.key.address
        known = self.files.credentials()
        if known is not None and known == self._account(known.api):
            self._use(known.api)

    def ready(self) -> bool:
        """Return whether there are credentials; log in, at most once a second, when not."""
        if self._api is not None:
            if self._unsaved is not None:
                self._save_again(self._unsaved)
            return True
        now = self.clock.monotonic_ns()
        if self._asked_ns is None or now - self._asked_ns >= RETRY_NS:
            self._asked_ns = now
            self.login.log_in(self._done)
        return False

    def credentials(self) -> ApiCredentials | None:
        """Return the API credentials, None before the login."""
        return self._api

    def request_signer(self) -> RequestSigner | None:
        """Return what signs our requests, None before the login."""
        return None if self._api is None else RequestSigner(self.key.address, self._api)

    def renew(self) -> None:
        """Forget the credentials and log in again."""
        logger.warning("the exchange refused the API credentials: logging in again")
        self._api = None

    def _done(self, result: ApiCredentials | PolybotError) -> None:
        # Called in a transport thread; the attributes below are read by the loop only after `_api`.
        try:
            if isinstance(result, PolybotError):
                raise result
            self._use(result)
        except PolybotError as error:
            self._failures += 1
            refused = isinstance(error, Unauthorized)
            if self._failures % LOG_EVERY == (1 if refused else QUIET_FAILURES):
                hint = REFUSED_HINT if refused else ""
                logger.warning(
                    "login at the exchange failed %d times: %s%s", self._failures, error, hint
                )
            return
        self._failures = 0
        try:
            self.files.save_credentials(self._account(result))
        except StorageError as error:
            # Only the others wait for the file: this process has what it needs.
            logger.warning("the others wait for our credentials: %s", error)
            self._saved_ns = self.clock.monotonic_ns()
            self._unsaved = self._account(result)
        self.wake()

    def _save_again(self, account: AccountCredentials) -> None:
        now = self.clock.monotonic_ns()
        if now - self._saved_ns < SAVE_AGAIN_NS:
            return
        self._saved_ns = now
        with contextlib.suppress(StorageError):
            # It was said once; the next try is soon.
            self.files.save_credentials(account)
            self._unsaved = None
            logger.info("the others have our credentials now")

    def _account(self, api: ApiCredentials) -> AccountCredentials:
        return AccountCredentials(
            address=self.key.address,
            funder=self.funder,
            signature_type=self.signature_type,
            api=api,
        )

    def _use(self, api: ApiCredentials) -> None:
        self.mask.add(api.secret)
        self.mask.add(api.passphrase)
        request_signer = RequestSigner(self.key.address, api)
        snapshots = AccountReader(
            request_signer, reads=self.reads, clock=self.clock, signature_type=self.signature_type
        )
        self.api_key = api.api_key
        self.signer = WalletOrderSigner(
            self.key,
            funder=self.funder,
            signature_type=self.signature_type,
            owner=api.api_key,
        )
        self.gateway = ClobGateway(
            request_signer,
            orders=self.orders,
            reads=self.reads,
            snapshots=snapshots.read,
            clock=self.clock,
            wake=self.wake,
            answers=self._answers,
            fence=self.fence,
        )
        self._api = api
