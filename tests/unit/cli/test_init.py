"""`polybot init`: a key becomes a wallet, and nothing is stored before everything is known."""

import io
import json
import os
import pwd
import stat
from pathlib import Path
from typing import Any

import pytest

from polybot.adapters.secret_store import InstalledSecrets
from polybot.adapters.wallet_files import AccountCredentials
from polybot.adapters.wallet_probe import Holding
from polybot.cli import identity
from polybot.cli.account import wallet_files
from polybot.cli.exits import CommandError, Refused
from polybot.cli.init import (
    Found,
    find_wallet,
    read_key,
    refreshed,
    refuse_other_floor,
    refuse_other_wallet,
    save,
    signer_of,
)
from polybot.config.load import LoadedConfig, load
from polybot.domain.wallet_choice import WalletChoice, WalletOption
from polybot.errors import InvalidValue, Rejected, Unauthorized, Unavailable
from polybot.exchange.l2_auth import ApiCredentials
from polybot.exchange.signing import OrderSigner
from polybot.exchange.wallet_addresses import deposit_wallet, proxy_wallet, safe_wallet
from tests.forked import GROUP, SERVICE, needs_root, open_way_to
from tests.unit.cli.conftest import Command
from tests.unit.cli.surroundings import CREDENTIALS, KEY

ADDRESS = OrderSigner(KEY).address
NOTHING = Holding(balance_usdc=0, allowance_usdc=0)


class FakeAsked:
    """An exchange that knows balances by kind; an answer that is an exception is raised."""

    def __init__(self, balances: dict[int, Any] | None = None, **answers: Any) -> None:
        self.balances = balances or {}
        self.answers = {"skew_s": 0.1, "log_in": CREDENTIALS, "exists": None, "refresh": None}
        self.answers |= answers
        self.refreshed: list[int] = []

    def _answer(self, name: str) -> Any:
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def skew_s(self) -> float:
        return float(self._answer("skew_s"))

    def log_in(self) -> ApiCredentials:
        found: ApiCredentials = self._answer("log_in")
        return found

    def holding_of(self, signature_type: int) -> Holding:
        held = self.balances.get(signature_type, 0)
        if isinstance(held, Exception):
            raise held
        return Holding(balance_usdc=held, allowance_usdc=10**18)

    def exists(self, address: str) -> bool | None:
        answer = self._answer("exists")
        return None if answer is None else address in answer

    def refresh(self, signature_type: int) -> None:
        self._answer("refresh")
        self.refreshed.append(signature_type)


@pytest.fixture
def loaded(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> LoadedConfig:
    del state_dir
    for name in ("POLYMARKET_PRIVATE_KEY", "PRIVATE_KEY", "PK"):
        monkeypatch.delenv(name, raising=False)
    return load()


def find(loaded: LoadedConfig, asked: FakeAsked, funder: str = "") -> Found:
    return find_wallet(loaded, OrderSigner(KEY), asked, funder)


def found_at(address: str, kind: int) -> Found:
    account = AccountCredentials(
        address=ADDRESS, funder=address, signature_type=kind, api=CREDENTIALS
    )
    option = WalletOption(signature_type=kind, address=address)
    return Found(account, WalletChoice(option=option, why="so", is_certain=True), NOTHING)


@pytest.mark.parametrize(
    ("kind", "funder"),
    [
        (0, ADDRESS),
        (1, proxy_wallet(ADDRESS)),
        (2, safe_wallet(ADDRESS)),
        (3, deposit_wallet(ADDRESS)),
    ],
)
def test_the_wallet_with_the_money_is_found_whatever_its_kind(
    loaded: LoadedConfig, kind: int, funder: str
) -> None:
    account = find(loaded, FakeAsked({kind: 5_000_000})).credentials
    assert (account.signature_type, account.funder, account.address) == (kind, funder, ADDRESS)


def test_a_kind_the_exchange_does_not_know_holds_nothing(loaded: LoadedConfig) -> None:
    asked = FakeAsked({3: Rejected("no such wallet", status=400), 0: 7})
    assert find(loaded, asked).credentials.signature_type == 0


def test_a_named_funder_is_taken_with_its_kind(loaded: LoadedConfig) -> None:
    named = find(loaded, FakeAsked({0: 9}), safe_wallet(ADDRESS).lower())
    assert (named.credentials.signature_type, named.choice.why) == (2, "you named it")


def test_a_funder_of_another_key_is_refused_with_the_wallets_of_this_one(
    loaded: LoadedConfig,
) -> None:
    with pytest.raises(Refused, match=f"does not belong to this key.*{deposit_wallet(ADDRESS)}"):
        find(loaded, FakeAsked(), deposit_wallet(OrderSigner("0x" + "33" * 32).address))
    with pytest.raises(InvalidValue, match="expected an address"):
        find(loaded, FakeAsked(), "my wallet")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (FakeAsked(skew_s=60.0), "60 s ahead of the exchange's.*timedatectl"),
        (FakeAsked(skew_s=-60.0), "60 s behind"),
        (FakeAsked(skew_s=Unavailable("no route")), "does not answer.*nothing was stored"),
        (FakeAsked(log_in=Unauthorized("Invalid L1 Request headers")), "refuses this key's login"),
        (FakeAsked(log_in=Unavailable("425")), "cannot log in.*nothing was stored"),
        (FakeAsked({0: Unauthorized("Invalid api key")}), "check the clock"),
        (FakeAsked({0: Unavailable("reset")}), "does not answer.*nothing was stored"),
    ],
)
def test_what_goes_wrong_is_one_line_that_says_what_to_do(
    loaded: LoadedConfig, asked: FakeAsked, words: str
) -> None:
    with pytest.raises(CommandError, match=words):
        find(loaded, asked)


@pytest.mark.parametrize(
    "text",
    ["", "0x12", "zz" * 32, "0x" + "00" * 32, "0x" + "ff" * 32, "word " * 12, ADDRESS],
    ids=["empty", "short", "no hex", "zero", "out of range", "seed phrase", "address"],
)
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(CommandError, match="64 hexadecimal digits") as refused:
        signer_of(text)
    assert not text or text not in str(refused.value)


def test_the_key_is_read_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"  {KEY}\nmore\n"))
    assert read_key(from_stdin=True) == KEY


def test_without_a_terminal_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(KEY))
    with pytest.raises(CommandError, match="--key-stdin"):
        read_key(from_stdin=False)


def test_everything_is_stored_where_only_the_owner_reads_it(loaded: LoadedConfig) -> None:
    config = loaded.locations.config_path
    config.write_text('# mine\n[risk]\nmax_open_orders = 7\n[wallet]\n# funder = ""\n')
    funder = deposit_wallet(ADDRESS)
    assert save(loaded, KEY, found_at(funder, 3)) == []
    again = load()
    assert again.config.wallet.private_key == KEY
    assert (again.config.wallet.funder, again.config.wallet.signature_type) == (funder, 3)
    assert again.config.risk.max_open_orders == 7
    assert again.config.mode == loaded.config.mode
    assert config.read_text().startswith("# mine\n")
    assert KEY[2:] not in config.read_text()
    stored = wallet_files(loaded).credentials_path
    for path in (config.parent / ".env", stored):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(stored.read_text())["funder"] == funder


def test_an_environment_that_wins_over_what_was_written_is_named(
    loaded: LoadedConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYMARKET_PRIVATE_KEY", "0x" + "44" * 32)
    (problem,) = save(loaded, KEY, found_at(ADDRESS, 0))
    assert "environment variable" in problem


def test_a_file_that_cannot_be_changed_safely_stops_before_anything_is_stored(
    loaded: LoadedConfig,
) -> None:
    loaded.locations.config_path.write_text('wallet = { funder = "0x1" }\n')
    with pytest.raises(Exception, match="write into its"):
        save(loaded, KEY, found_at(ADDRESS, 0))
    assert not wallet_files(loaded).credentials_path.exists()
    assert not (loaded.locations.config_path.parent / ".env").exists()


def test_another_wallets_key_is_not_replaced_unasked(loaded: LoadedConfig) -> None:
    save(loaded, KEY, found_at(ADDRESS, 0))
    other = OrderSigner("0x" + "55" * 32)
    with pytest.raises(Refused, match=f"the wallet {ADDRESS} is set up here.*--force"):
        refuse_other_wallet(load(), other, force=False)
    refuse_other_wallet(load(), other, force=True)
    refuse_other_wallet(load(), OrderSigner(KEY), force=False)


def test_a_wallet_is_not_replaced_under_a_floor_that_runs(
    loaded: LoadedConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(loaded, KEY, found_at(ADDRESS, 0))
    monkeypatch.setattr("polybot.cli.init.floor_runs", lambda _: True)
    with pytest.raises(Refused, match="polybot stop first"):
        refuse_other_wallet(load(), OrderSigner("0x" + "55" * 32), force=True)
    refuse_other_wallet(load(), OrderSigner(KEY), force=True)


def test_credentials_that_cannot_be_written_leave_the_key_they_are_of(
    loaded: LoadedConfig,
) -> None:
    loaded.locations.state_dir.joinpath("wallet").write_text("in the way")
    with pytest.raises(CommandError, match="the key is stored, run polybot init again"):
        save(loaded, KEY, found_at(ADDRESS, 0))
    assert load().config.wallet.private_key == KEY


def test_a_state_of_play_money_is_not_used_for_a_real_wallet(loaded: LoadedConfig) -> None:
    (loaded.locations.state_dir / "floor").write_text("replay-x-123456\n")
    with pytest.raises(Refused, match="POLYBOT_STATE_DIR"):
        refuse_other_floor(loaded)


def test_the_exchange_is_asked_to_look_anew_and_may_fail_to(loaded: LoadedConfig) -> None:
    del loaded
    asked = FakeAsked()
    assert refreshed(asked, found_at(ADDRESS, 3)) == []
    assert asked.refreshed == [3]
    (problem,) = refreshed(FakeAsked(refresh=Unavailable("no")), found_at(ADDRESS, 3))
    assert "balance anew" in problem


def test_the_command_refuses_what_is_no_key_and_stores_nothing(
    polybot: Command, loaded: LoadedConfig
) -> None:
    # Nothing stands on the standard input of a command in a test.
    result = polybot("init", "--key-stdin", code=1)
    assert "64 hexadecimal digits" in result.stderr
    assert not (loaded.locations.config_path.parent / ".env").exists()
    assert not wallet_files(loaded).credentials_path.exists()


@needs_root
@pytest.mark.parametrize("is_new", [True, False])
def test_an_installation_keeps_the_key_for_the_trader_alone(
    state_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_new: bool
) -> None:
    user = pwd.struct_passwd(("polybot", "x", SERVICE, GROUP, "", "/var/lib/polybot", ""))
    monkeypatch.setattr(identity, "service_user", lambda: user)
    monkeypatch.setattr("polybot.cli.init.is_service_floor", lambda _: True)
    store = InstalledSecrets(tmp_path / "credentials", tmp_path / "system", lambda _, text: text)
    monkeypatch.setattr("polybot.cli.init.store_of", lambda _: store)
    open_way_to(state_dir)
    os.chown(state_dir, SERVICE, GROUP)
    state_dir.chmod(0o2770)
    config = tmp_path / "polybot.toml"
    os.chown(config, 0, GROUP)
    config.chmod(0o640)
    loaded = load()
    if is_new:
        config.unlink()
    assert save(loaded, KEY, found_at(ADDRESS, 0)) == []
    assert (tmp_path / "credentials" / "polymarket_private_key.cred").read_text() == KEY
    assert not (tmp_path / ".env").exists()
    # The services read the configuration, and write their own state.
    assert (config.stat().st_gid, stat.S_IMODE(config.stat().st_mode)) == (GROUP, 0o640)
    assert ADDRESS in config.read_text()
    for path in (state_dir / "wallet", state_dir / "wallet" / "credentials.json"):
        assert path.stat().st_uid == SERVICE
        assert path.stat().st_mode & 0o077 == 0
    assert KEY not in (state_dir / "wallet" / "credentials.json").read_text()
