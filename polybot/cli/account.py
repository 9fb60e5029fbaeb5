"""The wallet a configuration names, checked as far as that needs nobody's answer."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from polybot.adapters.wallet_files import WalletFiles
from polybot.cli.identity import is_service_floor
from polybot.cli.processes import how_to_start
from polybot.config.load import LoadedConfig
from polybot.config.schema import SIMULATED_MODES
from polybot.errors import ConfigError
from polybot.exchange.l2_auth import ApiCredentials

if TYPE_CHECKING:
    from polybot.exchange.signing import OrderSigner

# What a person calls the wallet behind each signature type of the exchange.
_KINDS = {
    0: "key's own address",
    1: "e-mail wallet (proxy)",
    2: "browser wallet's Safe",
    3: "deposit wallet",
}


def kind_of(signature_type: int) -> str:
    """Return what a person calls the wallet behind a signature type."""
    return _KINDS.get(signature_type, f"wallet of the unknown type {signature_type}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Key, kind, funder and credentials of a wallet; `problem` says why it cannot be used.

    `key` is None without a usable private key. `credentials` are None when none are stored for
    exactly this wallet.
    """

    key: "OrderSigner | None" = None
    funder: str = ""
    signature_type: int = 0
    credentials: ApiCredentials | None = None
    problem: str = ""
    fix: str = ""

    @property
    def address(self) -> str:
        """The key's own address, "" without one."""
        return self.key.address if self.key is not None else ""


def wallet_files(loaded: LoadedConfig) -> WalletFiles:
    """Return the wallet's files of a floor."""
    return WalletFiles(loaded.locations.state_dir / "wallet")


def private_key_of(loaded: LoadedConfig) -> str:
    """Return the key orders are signed with: a real one has no business on a simulated exchange."""
    simulated = loaded.config.mode in SIMULATED_MODES
    return wallet_files(loaded).play_key() if simulated else loaded.config.wallet.private_key


def find_account(loaded: LoadedConfig) -> Account:
    """Return the account of a floor: the play wallet's on a simulated exchange."""
    files = wallet_files(loaded)
    if _is_closed(files.key_path.parent):
        problem = "the wallet's files are for root and the service alone"
        return Account(problem=problem, fix="run it as root")
    wallet = loaded.config.wallet
    simulated = loaded.config.mode in SIMULATED_MODES
    if simulated and not files.key_path.exists():
        problem = "the play wallet is made at the first start"
        return Account(problem=problem, fix=how_to_start())
    text = private_key_of(loaded)
    if not text:
        problem = "no private key: POLYMARKET_PRIVATE_KEY is not set"
        return Account(problem=problem, fix="polybot init")
    try:
        # Without coincurve this import fails, and only what signs may fail with it.
        from polybot.exchange.signing import OrderSigner  # noqa: PLC0415

        key = OrderSigner(text)
    except ConfigError as error:
        return Account(problem=str(error), fix="polybot init --force")
    signature_type = 0 if simulated else wallet.signature_type
    funder = key.address if simulated else wallet.funder or key.address
    problem, fix = _mismatch(key.address, signature_type, funder)
    return Account(
        key=key,
        funder=funder,
        signature_type=signature_type,
        credentials=_credentials(files, key.address),
        problem=problem,
        fix=fix,
    )


def known_account(loaded: LoadedConfig) -> Account:
    """Return the account as far as it is known without its private key, which a unit alone has."""
    found = find_account(loaded)
    if found.key is not None or not is_service_floor(loaded.locations):
        return found
    wallet = loaded.config.wallet
    funder = wallet.funder
    if not funder and not _is_closed(wallet_files(loaded).key_path.parent):
        stored = wallet_files(loaded).credentials()
        funder = stored.funder if stored is not None else ""
    return Account(funder=funder, signature_type=wallet.signature_type)


def _is_closed(directory: Path) -> bool:
    """Return whether a directory is there and this user may not look into it."""
    try:
        return directory.is_dir() and not os.access(
            directory, os.R_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids
        )
    except PermissionError:
        return True


def _mismatch(address: str, signature_type: int, funder: str) -> tuple[str, str]:
    """Return what is wrong with the combination, and what to do; two "" when nothing is."""
    from polybot.exchange.wallet_addresses import derived_wallets, owns_wallet  # noqa: PLC0415

    if owns_wallet(address, signature_type, funder):
        return ("", "")
    for candidate in derived_wallets(address):
        if candidate.address.lower() == funder.lower():
            right = int(candidate.signature_type)
            problem = (
                f"{funder} is this key's {kind_of(right)}, but signature_type {signature_type} "
                f"means {kind_of(signature_type)}"
            )
            return (problem, f"set wallet.signature_type = {right}, or: polybot init --force")
    problem = f"the funder {funder} does not belong to the key of {address}"
    return (problem, "polybot init --force finds the right one; or use the key of that wallet")


def _credentials(files: WalletFiles, address: str) -> ApiCredentials | None:
    try:
        known = files.credentials()
    except ConfigError:
        return None
    return known.api if known is not None and known.address == address else None
