"""`polybot init`: from a private key to a wallet that is ready to be checked and armed."""

import getpass
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Protocol

import msgspec
import typer

from polybot.adapters.wallet_files import AccountCredentials
from polybot.adapters.wallet_probe import Holding
from polybot.bootstrap.surroundings import RealSurroundings
from polybot.cli.account import kind_of, wallet_files
from polybot.cli.directories import make_private
from polybot.cli.examination import load_for_examination
from polybot.cli.exits import CommandError, Refused
from polybot.cli.identity import acting_as_service, hand_to_group, is_service_floor
from polybot.cli.options import Json
from polybot.cli.output import dollars, say, show_json, warn
from polybot.cli.processes import floor_processes, floor_runs
from polybot.cli.secret_places import place_of, store_of
from polybot.config.edit import with_toml_values
from polybot.config.keys import override_name
from polybot.config.load import LoadedConfig, load
from polybot.config.private_files import read_text, replace_text
from polybot.config.secret_keys import secret_names
from polybot.domain.money import format_usdc
from polybot.domain.wallet_choice import WalletChoice, WalletOption, choose_wallet
from polybot.errors import (
    ConfigError,
    ExchangeError,
    InvalidValue,
    PolybotError,
    StorageError,
    Unauthorized,
)
from polybot.exchange.l2_auth import ApiCredentials

if TYPE_CHECKING:
    from polybot.exchange.signing import OrderSigner

KEY_NAME = "POLYMARKET_PRIVATE_KEY"
_LONGEST_KEY_LINE = 200
_ADDRESS_LENGTH = 42


class Asked(Protocol):
    """What init asks the exchange; every method raises PolybotError."""

    def skew_s(self) -> float:
        """Return our wall time minus the exchange's in seconds."""

    def log_in(self) -> ApiCredentials:
        """Create or derive the wallet's API credentials."""

    def holding_of(self, signature_type: int) -> Holding:
        """Return what the key's wallet of a kind holds."""

    def exists(self, address: str) -> bool | None:
        """Return whether a contract stands at an address, None when nobody can tell."""

    def refresh(self, signature_type: int) -> None:
        """Let the exchange read balance and approvals anew."""


class Found(msgspec.Struct, frozen=True):
    """Everything to be written: nothing is before all of it is known."""

    credentials: AccountCredentials
    choice: WalletChoice
    holding: Holding


def init(
    key_stdin: Annotated[
        bool, typer.Option("--key-stdin", help="Read the private key from standard input.")
    ] = False,
    funder: Annotated[
        str,
        typer.Option(help="Address that holds your money, when it is not found by itself."),
    ] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Replace a wallet that is set up already.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Set up the wallet: asks for its private key, finds where its money is, stores both.

    The key goes into .env beside the configuration (mode 600), in an installation into an encrypted
    credential that only the trader gets, and nowhere else. Nothing is traded.
    """
    loaded = load_for_examination({**os.environ, override_name("mode"): "live"}).loaded
    text = _written(read_key(from_stdin=key_stdin))
    key = signer_of(text)
    refuse_other_wallet(loaded, key, force=force)
    refuse_other_floor(loaded)
    asked = LiveAsked(loaded, text, key)
    try:
        found = find_wallet(loaded, key, asked, funder)
        problems = [*save(loaded, text, found), *refreshed(asked, found)]
    finally:
        asked.close()
    _tell(loaded, found, as_json=as_json, problems=problems)


def read_key(*, from_stdin: bool) -> str:
    """Return the key as typed without echo, or as standard input has it."""
    if from_stdin:
        return sys.stdin.readline(_LONGEST_KEY_LINE).strip()
    if not sys.stdin.isatty():
        message = "expected a terminal to ask for the key at, was none; use --key-stdin"
        raise CommandError(message)
    return getpass.getpass("Private key of the wallet (not shown): ").strip()


def signer_of(text: str) -> "OrderSigner":
    """Return the signer of a key; raises CommandError for what is no key."""
    # Without coincurve this import fails, and only what signs may fail with it.
    from polybot.exchange.signing import OrderSigner  # noqa: PLC0415

    try:
        return OrderSigner(text)
    except ConfigError as error:
        message = (
            f"{error.problems[0]}; export it from your wallet: 0x and 64 hexadecimal digits "
            "(a seed phrase or an address is something else)"
        )
        raise CommandError(message) from error


def refuse_other_wallet(loaded: LoadedConfig, key: "OrderSigner", *, force: bool) -> None:
    """Refuse to replace another wallet's key unless that is wanted, and never under a floor."""
    try:
        known = wallet_files(loaded).credentials()
    except ConfigError:
        known = None
    stored = known.address if known is not None else ""
    configured = loaded.config.wallet.private_key
    if configured:
        try:
            stored = signer_of(configured).address
        except CommandError:
            stored = stored or "of another key (unreadable)"
    if not stored or stored.lower() == key.address.lower():
        return
    if not force:
        message = (
            f"this key is of {key.address}, but the wallet {stored} is set up here; "
            "polybot init --force replaces it"
        )
        raise Refused(message)
    runtime_dir = loaded.locations.runtime_dir
    if floor_runs(runtime_dir) or floor_processes(runtime_dir):
        # It would go on with the one wallet's orders and the other's login.
        message = f"a floor runs here with the wallet {stored}; to replace it: polybot stop first"
        raise Refused(message)


def refuse_other_floor(loaded: LoadedConfig) -> None:
    """Refuse a state directory of play money: real and play state never mix."""
    owner = read_text(loaded.locations.state_dir / "floor").strip()
    if owner and owner != loaded.locations.floor:
        message = (
            f"{loaded.locations.state_dir} holds the state of a {owner} floor; set "
            "POLYBOT_STATE_DIR to another directory for live trading"
        )
        raise Refused(message)


def find_wallet(loaded: LoadedConfig, key: "OrderSigner", asked: Asked, funder: str) -> Found:
    """Log in and find the wallet; raises CommandError before anything is stored."""
    _check_clock(loaded, asked)
    try:
        api = asked.log_in()
    except Unauthorized as error:
        raise CommandError(f"the exchange refuses this key's login: {error}") from error
    except PolybotError as error:
        raise CommandError(f"cannot log in at the exchange: {error}; nothing was stored") from error
    options, holdings = _options(key, asked)
    choice = _named(options, funder) if funder else choose_wallet(options, asked.exists)
    credentials = AccountCredentials(
        address=key.address,
        funder=choice.option.address,
        signature_type=choice.option.signature_type,
        api=api,
    )
    return Found(credentials, choice, holdings[choice.option.signature_type])


def save(loaded: LoadedConfig, key: str, found: Found) -> list[str]:
    """Write key, configuration and credentials; returns what a person has to mend.

    The credentials are last: who finds them finds the key they are of.
    """
    locations = loaded.locations
    account = found.credentials
    config_text = with_toml_values(
        read_text(locations.config_path),
        "wallet",
        {"funder": account.funder, "signature_type": account.signature_type},
    )
    is_shared = is_service_floor(locations)
    secret = secret_names()[KEY_NAME.lower()]
    try:
        # Root's own files in the state directory would stop the service.
        with acting_as_service() if is_shared else nullcontext():
            make_private(locations.state_dir)
    except OSError as error:
        raise CommandError(
            f"cannot make the state's directory: {error}; nothing was stored"
        ) from error
    warning = store_of(locations).store(secret, key)
    is_new = not locations.config_path.exists()
    replace_text(locations.config_path, config_text, private=False)
    if is_shared and is_new:
        hand_to_group(locations.config_path)
    try:
        with acting_as_service() if is_shared else nullcontext():
            wallet_files(loaded).save_credentials(account)
    except (OSError, StorageError) as error:
        raise CommandError(
            f"cannot write the credentials: {error}; the key is stored, run polybot init again"
        ) from error
    if not is_shared:
        return _overridden(account)
    return [warning] if warning else []


def refreshed(asked: Asked, found: Found) -> list[str]:
    """Let the exchange look at the wallet anew; it may know an older balance."""
    try:
        asked.refresh(found.credentials.signature_type)
    except PolybotError as error:
        return [f"the exchange did not look at the balance anew: {error}"]
    return []


class LiveAsked:
    """Asks the real hosts of a configuration as one key."""

    def __init__(self, loaded: LoadedConfig, private_key: str, key: "OrderSigner") -> None:
        self._real = RealSurroundings(
            loaded=loaded,
            private_key=private_key,
            address=key.address,
            signature_type=0,
            credentials=None,
        )

    def skew_s(self) -> float:
        """Return our wall time minus the exchange's in seconds."""
        return self._real.skew_s()

    def log_in(self) -> ApiCredentials:
        """Create or derive the wallet's API credentials."""
        return self._real.wallet().log_in()

    def holding_of(self, signature_type: int) -> Holding:
        """Return what the key's wallet of a kind holds."""
        return self._real.wallet().holding(signature_type)

    def exists(self, address: str) -> bool | None:
        """Return whether a contract stands at an address, None when nobody can tell."""
        try:
            return self._real.chain().is_contract(address)
        except PolybotError:
            return None

    def refresh(self, signature_type: int) -> None:
        """Let the exchange read balance and approvals anew."""
        self._real.wallet().refresh_holding(signature_type)

    def close(self) -> None:
        """Close every connection."""
        self._real.close()


def _check_clock(loaded: LoadedConfig, asked: Asked) -> None:
    try:
        skew_s = asked.skew_s()
    except PolybotError as error:
        message = f"the exchange does not answer: {error}; nothing was stored"
        raise CommandError(message) from error
    most = loaded.config.watchdog.max_clock_skew_s
    if abs(skew_s) > most:
        way = "ahead of" if skew_s > 0 else "behind"
        message = (
            f"this machine's clock is {abs(skew_s):.0f} s {way} the exchange's ({most:g} s are "
            "allowed); set it (sudo timedatectl set-ntp true), then run polybot init again; "
            "nothing was stored"
        )
        raise CommandError(message)


def _options(key: "OrderSigner", asked: Asked) -> tuple[list[WalletOption], dict[int, Holding]]:
    from polybot.exchange.wallet_addresses import derived_wallets  # noqa: PLC0415

    nothing = Holding(balance_usdc=0, allowance_usdc=0)
    holdings: dict[int, Holding] = {}
    options = []
    for candidate in derived_wallets(key.address):
        kind = int(candidate.signature_type)
        if kind not in holdings:
            try:
                holdings[kind] = asked.holding_of(kind)
            except Unauthorized as error:
                message = f"the exchange refuses the new API credentials: {error}; check the clock"
                raise CommandError(message) from error
            except ExchangeError as error:
                if error.status is None:
                    message = f"the exchange does not answer: {error}; nothing was stored"
                    raise CommandError(message) from error
                # It does not know a wallet of this kind: then nothing is in it.
                holdings[kind] = nothing
        balance_usdc = holdings[kind].balance_usdc
        options.append(
            WalletOption(signature_type=kind, address=candidate.address, balance_usdc=balance_usdc)
        )
    return options, holdings


def _named(options: Sequence[WalletOption], funder: str) -> WalletChoice:
    for option in options:
        if option.address.lower() == funder.lower():
            return WalletChoice(option=option, why="you named it", is_certain=True)
    if not funder.startswith("0x") or len(funder) != _ADDRESS_LENGTH:
        raise InvalidValue(f"expected an address, 0x and 40 hexadecimal digits, was {funder!r}")
    owned = "; ".join(f"{option.address} ({kind_of(option.signature_type)})" for option in options)
    message = f"{funder} does not belong to this key; its wallets are: {owned}"
    raise Refused(message)


def _written(key: str) -> str:
    return key if key.startswith("0x") else f"0x{key}"


def _overridden(account: AccountCredentials) -> list[str]:
    """Say when something in the environment wins over what was just written."""
    try:
        wallet = load(lenient=True).config.wallet
        address = signer_of(wallet.private_key).address
    except CommandError:
        address = ""
    if address == account.address and wallet.funder.lower() == account.funder.lower():
        return []
    problem = (
        "an environment variable or another .env wins over what was written; "
        "`polybot config show` says which (wallet.private_key, wallet.funder)"
    )
    return [problem]


def _tell(loaded: LoadedConfig, found: Found, *, as_json: bool, problems: Sequence[str]) -> None:
    account, holding, path = found.credentials, found.holding, loaded.locations.config_path
    needs_mode = load(lenient=True).config.mode != "live"
    steps = [*([f'write mode = "live" into {path}'] if needs_mode else []), "polybot doctor --live"]
    if is_service_floor(loaded.locations):
        steps.append("systemctl restart polybot-trader")
    key_place = place_of(loaded.locations, KEY_NAME.lower())
    if as_json:
        show_json(
            {
                "address": account.address,
                "funder": account.funder,
                "signature_type": account.signature_type,
                "wallet": kind_of(account.signature_type),
                "why": found.choice.why,
                "is_certain": found.choice.is_certain,
                "balance_usdc": format_usdc(holding.balance_usdc),
                "allowance_usdc": format_usdc(min(holding.allowance_usdc, holding.balance_usdc)),
                "config": str(path),
                "env": key_place,
                "credentials": str(wallet_files(loaded).credentials_path),
                "warnings": list(problems),
                "next": steps,
            }
        )
        return
    say(f"key      of {account.address}")
    say(f"wallet   {account.funder}, your {kind_of(account.signature_type)}: {found.choice.why}")
    say(f"money    {dollars(holding.balance_usdc)}")
    say(f"stored   key: {key_place}")
    say(f"         wallet: {path}")
    say(f"         API credentials: {wallet_files(loaded).credentials_path}")
    if not found.choice.is_certain:
        say("note     if your address on polymarket.com is another: polybot init --funder 0x...")
    for problem in problems:
        warn(f"warning: {problem}")
    _each(steps, say)


def _each(steps: Sequence[str], show: Callable[[str], None]) -> None:
    for number, step in enumerate(steps):
        show(f"{'next' if number == 0 else 'then':<8} {step}")
