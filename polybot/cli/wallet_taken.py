"""Whether another floor on this machine trades the wallet that a floor is about to trade."""

from polybot.adapters.wallet_files import WalletFiles
from polybot.adapters.wallet_lock import holder_of, refusal
from polybot.cli.exits import Refused
from polybot.config.load import LoadedConfig
from polybot.config.schema import SIMULATED_MODES


def refuse_taken_wallet(loaded: LoadedConfig) -> None:
    """Raise Refused when a trader runs on the floor's wallet, whatever its directories.

    A wallet that is not known without its key is left to the trader, which asks again.
    """
    funder = known_funder(loaded)
    other = holder_of(funder) if funder else None
    if other is not None:
        raise Refused(str(refusal(funder, other)))


def known_funder(loaded: LoadedConfig) -> str:
    """Return the wallet's address as configuration or stored credentials name it, "" if neither."""
    if loaded.config.mode not in SIMULATED_MODES and loaded.config.wallet.funder:
        return loaded.config.wallet.funder
    stored = WalletFiles(loaded.locations.state_dir / "wallet").credentials()
    return stored.funder if stored is not None else ""
