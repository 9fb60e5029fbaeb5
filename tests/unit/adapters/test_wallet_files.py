import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from polybot.adapters.wallet_files import AccountCredentials, WalletFiles
from polybot.errors import ConfigError
from polybot.exchange.signing import OrderSigner
from tests.unit.exchange.examples import ADDRESS, CREDENTIALS

ACCOUNT = AccountCredentials(address=ADDRESS, funder="0xf1", signature_type=1, api=CREDENTIALS)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def generous_umask() -> Iterator[None]:
    """Prove that the modes do not come from a careful umask."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def wallet(tmp_path: Path) -> WalletFiles:
    return WalletFiles(tmp_path / "state" / "wallet")


def test_nobody_else_may_read_the_wallet(wallet: WalletFiles) -> None:
    wallet.play_key()
    wallet.save_credentials(ACCOUNT)

    assert mode(wallet.key_path.parent) == 0o700
    assert mode(wallet.key_path) == 0o600
    assert mode(wallet.credentials_path) == 0o600
    assert {path.name for path in wallet.key_path.parent.iterdir()} == {"key", "credentials.json"}


def test_the_play_key_is_made_once_and_can_sign(wallet: WalletFiles) -> None:
    key = wallet.play_key()
    again = WalletFiles(wallet.key_path.parent).play_key()

    assert again == key
    assert OrderSigner(key).address.startswith("0x")


def test_every_play_wallet_has_a_key_of_its_own(tmp_path: Path) -> None:
    assert WalletFiles(tmp_path / "a").play_key() != WalletFiles(tmp_path / "b").play_key()


def test_a_key_that_is_there_is_never_replaced(wallet: WalletFiles) -> None:
    wallet.key_path.parent.mkdir(parents=True)
    wallet.key_path.write_text("  0xabc\n")

    assert wallet.play_key() == "0xabc"
    assert wallet.key_path.read_text() == "  0xabc\n"


def test_before_the_login_there_are_no_credentials(wallet: WalletFiles) -> None:
    assert wallet.credentials() is None


def test_credentials_read_back_and_the_newest_ones_count(wallet: WalletFiles) -> None:
    older = AccountCredentials(address="0x1", funder="0x2", signature_type=0, api=CREDENTIALS)
    wallet.save_credentials(older)
    wallet.save_credentials(ACCOUNT)
    assert wallet.credentials() == ACCOUNT


def test_the_private_key_is_not_among_the_credentials(wallet: WalletFiles) -> None:
    key = wallet.play_key().removeprefix("0x")
    wallet.save_credentials(ACCOUNT)
    assert key not in wallet.credentials_path.read_text()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '"text"', "\ufeff", json.dumps({"address": ADDRESS})]
)
def test_damaged_credentials_say_what_to_do(wallet: WalletFiles, text: str) -> None:
    wallet.save_credentials(ACCOUNT)
    wallet.credentials_path.write_text(text)

    with pytest.raises(ConfigError) as raised:
        wallet.credentials()

    assert str(wallet.credentials_path) in str(raised.value)
    assert "delete the file and the trader logs in again" in str(raised.value)


def test_damage_never_shows_a_secret(wallet: WalletFiles) -> None:
    wallet.save_credentials(ACCOUNT)
    whole = wallet.credentials_path.read_text()
    wallet.credentials_path.write_text(whole[:-2])

    with pytest.raises(ConfigError) as raised:
        wallet.credentials()

    assert CREDENTIALS.secret not in str(raised.value)
