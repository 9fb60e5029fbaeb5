"""The wallet a configuration names: what fits together, and what does not."""

import os
from pathlib import Path

import pytest

from polybot.adapters.wallet_files import AccountCredentials, WalletFiles
from polybot.cli.account import find_account, kind_of, known_account, private_key_of
from polybot.config.load import LoadedConfig, load
from polybot.exchange.signing import OrderSigner
from polybot.exchange.wallet_addresses import deposit_wallet, safe_wallet
from tests.forked import MEMBER, become, in_fork, needs_root, open_way_to
from tests.unit.cli.surroundings import CREDENTIALS, KEY

ADDRESS = OrderSigner(KEY).address


@pytest.fixture(autouse=True)
def places(state_dir: Path) -> Path:
    return state_dir


def live(**settings: str) -> LoadedConfig:
    return load({**places_of(), "POLYBOT__MODE": "live", **settings}, lenient=True)


def places_of() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("POLYBOT_")}


@pytest.mark.parametrize(
    ("kind", "funder"),
    [(0, ""), (0, ADDRESS), (3, deposit_wallet(ADDRESS)), (2, safe_wallet(ADDRESS))],
)
def test_key_kind_and_funder_that_fit_are_an_account(kind: int, funder: str) -> None:
    account = find_account(
        live(
            POLYMARKET_PRIVATE_KEY=KEY,
            POLYMARKET_FUNDER=funder,
            POLYMARKET_SIGNATURE_TYPE=str(kind),
        )
    )
    assert account.problem == ""
    assert (account.address, account.funder) == (ADDRESS, funder or ADDRESS)


def test_a_wrong_kind_is_told_with_the_right_one() -> None:
    account = find_account(
        live(
            POLYMARKET_PRIVATE_KEY=KEY,
            POLYMARKET_FUNDER=deposit_wallet(ADDRESS),
            POLYMARKET_SIGNATURE_TYPE="1",
        )
    )
    assert "deposit wallet, but signature_type 1 means e-mail wallet" in account.problem
    assert "wallet.signature_type = 3" in account.fix


def test_a_wrong_funder_is_told() -> None:
    account = find_account(live(POLYMARKET_PRIVATE_KEY=KEY, POLYMARKET_FUNDER="0x" + "12" * 20))
    assert f"does not belong to the key of {ADDRESS}" in account.problem
    assert "polybot init" in account.fix


@pytest.mark.parametrize("key", ["", "0x" + "00" * 32, "nonsense"])
def test_without_a_usable_key_there_is_no_account(key: str) -> None:
    account = find_account(live(POLYMARKET_PRIVATE_KEY=key))
    assert account.problem
    assert account.key is None
    assert "polybot init" in account.fix


def test_credentials_of_another_wallet_are_not_used(state_dir: Path) -> None:
    files = WalletFiles(state_dir / "wallet")
    for address, expected in ((ADDRESS, CREDENTIALS), ("0xother", None)):
        files.save_credentials(AccountCredentials(address, address, 0, CREDENTIALS))
        assert find_account(live(POLYMARKET_PRIVATE_KEY=KEY)).credentials == expected
    files.credentials_path.write_text("no")
    assert find_account(live(POLYMARKET_PRIVATE_KEY=KEY)).credentials is None


def test_on_a_simulated_exchange_it_is_the_play_wallet(state_dir: Path) -> None:
    simulated = load({**places_of(), "POLYMARKET_PRIVATE_KEY": KEY})
    assert find_account(simulated).fix == "polybot up"
    WalletFiles(state_dir / "wallet").play_key()
    account = find_account(simulated)
    assert account.problem == ""
    assert account.address != ADDRESS
    assert private_key_of(simulated) != KEY


def test_every_kind_has_a_name_a_person_knows() -> None:
    assert kind_of(3) == "deposit wallet"
    assert "unknown type 9" in kind_of(9)


def test_without_the_key_an_installation_knows_whose_wallet_it_is(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    funder = deposit_wallet(ADDRESS)
    loaded = live(POLYMARKET_FUNDER=funder, POLYMARKET_SIGNATURE_TYPE="3")
    assert known_account(loaded).problem.startswith("no private key")
    monkeypatch.setattr("polybot.cli.account.is_service_floor", lambda _: True)
    known = known_account(loaded)
    assert (known.funder, known.signature_type, known.problem) == (funder, 3, "")
    WalletFiles(places / "wallet").save_credentials(
        AccountCredentials(address=ADDRESS, funder=ADDRESS, signature_type=0, api=CREDENTIALS)
    )
    assert known_account(live()).funder == ADDRESS
    assert known_account(live(POLYMARKET_PRIVATE_KEY=KEY)).key is not None


@needs_root
def test_who_may_not_look_into_the_wallet_is_told_who_may(places: Path) -> None:
    WalletFiles(places / "wallet").play_key()
    open_way_to(places)
    loaded = load(places_of())

    def member() -> list[str]:
        become(MEMBER)
        account = find_account(loaded)
        return [account.problem, account.fix]

    assert in_fork(member) == [
        "the wallet's files are for root and the service alone",
        "run it as root",
    ]
