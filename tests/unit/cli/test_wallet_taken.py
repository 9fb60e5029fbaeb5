"""A floor is not started on a wallet that another floor on this machine trades."""

import secrets
from pathlib import Path

import pytest

from polybot.adapters.wallet_files import AccountCredentials, WalletFiles
from polybot.adapters.wallet_lock import hold_wallet
from polybot.cli.exits import Refused
from polybot.cli.wallet_taken import known_funder, refuse_taken_wallet
from polybot.config.load import LoadedConfig
from polybot.exchange.l2_auth import ApiCredentials
from polybot.ports import WalletHolder
from tests.unit.bootstrap.one_process import configured
from tests.unit.cli.surroundings import KEY

FUNDER = "0x" + secrets.token_hex(20)
HOLDER = WalletHolder(mode="synthetic", state_dir="/there", runtime_dir="/there/run")


def a_floor(tmp_path: Path, **settings: str) -> LoadedConfig:
    return configured(tmp_path, tmp_path / "run", **settings)


def logged_in(loaded: LoadedConfig) -> None:
    api = ApiCredentials(api_key="k", secret="c2VjcmV0", passphrase="p")
    account = AccountCredentials(address=FUNDER, funder=FUNDER, signature_type=0, api=api)
    WalletFiles(loaded.locations.state_dir / "wallet").save_credentials(account)


def test_the_wallet_of_a_floor_that_never_logged_in_is_left_to_the_trader(tmp_path: Path) -> None:
    loaded = a_floor(tmp_path)
    assert known_funder(loaded) == ""
    refuse_taken_wallet(loaded)


def test_a_free_wallet_may_be_traded(tmp_path: Path) -> None:
    loaded = a_floor(tmp_path)
    logged_in(loaded)
    assert known_funder(loaded) == FUNDER
    refuse_taken_wallet(loaded)


def test_a_held_wallet_refuses_and_names_the_other_floor(tmp_path: Path) -> None:
    loaded = a_floor(tmp_path)
    logged_in(loaded)
    held = hold_wallet(FUNDER, HOLDER)
    with pytest.raises(Refused, match="state /there, sockets /there/run"):
        refuse_taken_wallet(loaded)
    held.release()
    refuse_taken_wallet(loaded)


def test_in_live_mode_the_configured_wallet_counts(tmp_path: Path) -> None:
    other = "0x" + secrets.token_hex(20)
    environ = {"POLYBOT__MODE": "live", "POLYMARKET_PRIVATE_KEY": KEY, "POLYMARKET_FUNDER": other}
    loaded = a_floor(tmp_path, **environ)
    logged_in(loaded)
    assert known_funder(loaded) == other
