"""Builds the live extras: whose wallet, which services, which Python, and where it is recorded."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from polybot.adapters.clock import SystemClock
from polybot.adapters.extras_record import ExtrasRecord
from polybot.adapters.live_extras import ExtrasRequest, LiveExtras
from polybot.adapters.wallet_files import WalletFiles
from polybot.bootstrap.endpoints import Endpoints
from polybot.config.load import LoadedConfig
from polybot.config.schema import SIMULATED_MODES
from polybot.errors import ConfigError, PolybotError, StorageError
from polybot.exchange.signing import OrderSigner
from polybot.exchange.wallet_addresses import owns_wallet

RECORD_NAME = "extras.jsonl"
# The client's names of wallets by the exchange's signature types.
WALLET_TYPES = {0: "EOA", 1: "POLY_PROXY", 2: "GNOSIS_SAFE", 3: "DEPOSIT_WALLET"}
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_URL_KEYS = ("clob_url", "gamma_url", "data_url", "relayer_url")

TURN_ON = (
    "the wallet extras are off: run `make install-live` once, then set extras.enabled = true in "
    "the configuration (or POLYBOT__EXTRAS__ENABLED=true)"
)


class ExtrasOff(PolybotError):
    """The configuration does not allow them, or what they need is not installed."""


class Extras:
    """Carries out one request after another; each is recorded before, while and after it runs."""

    def __init__(self, loaded: LoadedConfig) -> None:
        self._loaded = loaded
        self.python = _python(loaded)
        self.record = ExtrasRecord(
            loaded.locations.state_dir / "wallet" / RECORD_NAME, SystemClock()
        )

    def run(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Return the client's result; raises as `LiveExtras.run`, ConfigError, StorageError."""
        request = self._request(command, arguments)
        about = {"command": command, "wallet": request.wallet, "arguments": arguments}
        self.record.append({"event": "asked", **about})
        runner = LiveExtras(self.python, self._loaded.config.extras.timeout_s)
        try:
            result = runner.run(request, lambda line: self.record.append({**about, **line}))
        except StorageError:
            raise
        except PolybotError as error:
            self.record.append(
                {"event": "error", **about, "error": type(error).__name__, "text": str(error)}
            )
            raise
        self.record.append({"event": "done", **about, "result": result})
        return result

    def _request(self, command: str, arguments: dict[str, Any]) -> ExtrasRequest:
        config = self._loaded.config
        key = OrderSigner(config.wallet.private_key)
        wallet = config.wallet.funder or key.address
        if not owns_wallet(key.address, config.wallet.signature_type, wallet):
            # The client would take a mistyped address for somebody else's deposit wallet.
            kind = config.wallet.signature_type
            problem = f"expected a wallet of signature type {kind} of the key's, was {wallet}"
            raise ConfigError([f"wallet.funder: {problem}"])
        urls = self._urls()
        relayer = config.extras.relayer_key
        return ExtrasRequest(
            command=command,
            private_key=config.wallet.private_key,
            wallet=wallet,
            wallet_type=WALLET_TYPES[config.wallet.signature_type],
            chain_id=config.exchange.chain_id,
            urls=urls,
            loopback_only=urlsplit(urls["clob_url"]).hostname in _LOOPBACK,
            arguments=arguments,
            credentials=self._credentials(key.address),
            relayer_key=(
                {"key": relayer, "address": config.extras.relayer_key_address or key.address}
                if relayer
                else None
            ),
        )

    def _urls(self) -> dict[str, str]:
        endpoints = Endpoints(self._loaded)
        urls = {key: endpoints.url(key) or "" for key in _URL_KEYS}
        return urls | {"rpc_url": self._loaded.config.extras.rpc_url}

    def _credentials(self, address: str) -> dict[str, str] | None:
        known = WalletFiles(self._loaded.locations.state_dir / "wallet").credentials()
        if known is None or known.address.lower() != address.lower():
            # The client then logs in by itself, with the key.
            return None
        return {
            "apiKey": known.api.api_key,
            "secret": known.api.secret,
            "passphrase": known.api.passphrase,
        }


def open_extras(loaded: LoadedConfig) -> Extras:
    """Return the extras; raises ExtrasOff with what to do when they cannot be used here."""
    if loaded.config.mode in SIMULATED_MODES:
        raise ExtrasOff(
            f"expected mode live, was {loaded.config.mode}: a simulated exchange sets up, redeems "
            "and pays out by itself"
        )
    if not loaded.config.extras.enabled:
        raise ExtrasOff(TURN_ON)
    extras = Extras(loaded)
    if not extras.python.is_file():
        raise ExtrasOff(
            f"expected the exchange's client at {extras.python}, was none: run `make install-live`"
        )
    return extras


def _python(loaded: LoadedConfig) -> Path:
    named = loaded.config.extras.python
    # Beside the program: in an installation that is not where the configuration is.
    return Path(named or Path(__file__).resolve().parents[2] / ".venv-live" / "bin" / "python")
