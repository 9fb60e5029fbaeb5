"""The floor's account for who may read and cancel, but not sign: credentials, never the key."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from polybot.adapters.account_client import AccountClient
from polybot.adapters.clock import SystemClock
from polybot.adapters.data_api import DataApiPositions
from polybot.adapters.market_search import MarketSearch
from polybot.adapters.wallet_files import AccountCredentials, WalletFiles
from polybot.bootstrap.endpoints import Endpoints
from polybot.bootstrap.http import USER_AGENT, make_transport
from polybot.config.load import LoadedConfig
from polybot.config.schema import SIMULATED_MODES
from polybot.errors import ConfigError, PolybotError
from polybot.exchange.l2_auth import RequestSigner


class NoCredentials(PolybotError):
    """Nobody has logged in with this floor's wallet yet."""


def funder_of(loaded: LoadedConfig) -> Callable[[], str | None]:
    """Return a function that tells the address which holds the money, None before a login."""
    files = WalletFiles(loaded.locations.state_dir / "wallet")

    def funder() -> str | None:
        try:
            known = files.credentials()
        except ConfigError:
            # The trader writes the file anew at its next login.
            return None
        return known.funder if known else None

    return funder


def credentials_of(loaded: LoadedConfig) -> AccountCredentials:
    """Return the account's API credentials; raises NoCredentials, or ConfigError when damaged."""
    directory = loaded.locations.state_dir / "wallet"
    known = WalletFiles(directory).credentials()
    if known is None:
        first = "set up the wallet: polybot init"
        if loaded.config.mode in SIMULATED_MODES:
            first = "the trader logs in at its first start"
        raise NoCredentials(f"expected API credentials in {directory}, was none: {first}")
    return known


@contextmanager
def open_account(loaded: LoadedConfig) -> Iterator[AccountClient]:
    """Open the account at the exchange; raises NoCredentials, ConfigError, PolybotError."""
    known = credentials_of(loaded)
    url_of(loaded, "clob_url")
    transport = make_transport("exchange", Endpoints(loaded), "clob_url", loaded.config, 1)
    try:
        yield AccountClient(
            transport,
            RequestSigner(known.address, known.api),
            SystemClock(),
            known.signature_type,
        )
    finally:
        transport.close()


def open_holdings(loaded: LoadedConfig) -> DataApiPositions:
    """Open the Data API's view of the account; raises as `open_account`."""
    return DataApiPositions(
        url_of(loaded, "data_url"),
        credentials_of(loaded).funder,
        timeout_s=loaded.config.exchange.timeout_s,
        user_agent=USER_AGENT,
    )


@contextmanager
def open_market_search(loaded: LoadedConfig) -> Iterator[MarketSearch]:
    """Open the exchange's catalog; needs no account. Raises PolybotError."""
    url_of(loaded, "gamma_url")
    transport = make_transport("catalog", Endpoints(loaded), "gamma_url", loaded.config, 4)
    try:
        yield MarketSearch(transport)
    finally:
        transport.close()


def url_of(loaded: LoadedConfig, key: str) -> str:
    """Return a URL of the exchange; raises PolybotError while no simulator tells one."""
    url = Endpoints(loaded).url(key)
    if url is None:
        raise PolybotError(f"expected {key} of an exchange, was none: is the simulator running?")
    return url
