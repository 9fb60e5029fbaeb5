import sys
from pathlib import Path

from polybot.adapters.clock import SystemClock
from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.wallet_files import AccountCredentials, WalletFiles
from polybot.bootstrap.audit import audit_account, child_command, newest_seqs
from polybot.config.load import LoadedConfig, load
from polybot.exchange.l2_auth import ApiCredentials
from tests.http_stub import Answer, StubRequest, StubServer
from tests.story import OPENING_USDC, opening, records


def configured(state_dir: Path, runtime_dir: Path, **urls: str) -> LoadedConfig:
    config = state_dir / "polybot.toml"
    config.touch()
    environ = {
        "POLYBOT_CONFIG": str(config),
        "POLYBOT_STATE_DIR": str(state_dir),
        "POLYBOT_RUNTIME_DIR": str(runtime_dir),
        **{f"POLYBOT__EXCHANGE__{key.upper()}": url for key, url in urls.items()},
    }
    return load(environ)


def logged_in(loaded: LoadedConfig) -> None:
    WalletFiles(loaded.locations.state_dir / "wallet").save_credentials(
        AccountCredentials(
            address="0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
            funder="0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
            signature_type=0,
            api=ApiCredentials(api_key="key-1", secret="c2VjcmV0c2VjcmV0", passphrase="p"),
        )
    )


def with_opening_balance(loaded: LoadedConfig) -> None:
    ledger = Ledger.open(loaded.locations.ledger_path, SystemClock())
    ledger.store(records([opening()]))
    ledger.close()


def answer(request: StubRequest) -> Answer:
    if request.path == "/balance-allowance":
        return 200, {"balance": str(OPENING_USDC)}
    if request.path == "/v2/positions":
        return 200, {"data": [], "pagination": {}}
    return 200, {"data": [], "next_cursor": "LTE="}


def test_without_a_database_the_audit_says_what_makes_one(
    tmp_path: Path, runtime_dir: Path
) -> None:
    result = audit_account(configured(tmp_path, runtime_dir))

    assert "has the tracker run" in result.error


def test_without_credentials_the_audit_says_who_makes_them(
    tmp_path: Path, runtime_dir: Path
) -> None:
    loaded = configured(tmp_path, runtime_dir, clob_url="http://127.0.0.1:9")
    with_opening_balance(loaded)

    assert "the trader logs in at its first start" in audit_account(loaded).error


def test_without_an_exchange_the_audit_says_what_is_missing(
    tmp_path: Path, runtime_dir: Path
) -> None:
    loaded = configured(tmp_path, runtime_dir)
    with_opening_balance(loaded)
    logged_in(loaded)

    assert "is the simulator running" in audit_account(loaded).error


def test_a_database_and_an_exchange_are_compared(tmp_path: Path, runtime_dir: Path) -> None:
    stub = StubServer(answer)
    loaded = configured(tmp_path, runtime_dir, clob_url=stub.url, data_url=stub.url)
    with_opening_balance(loaded)
    logged_in(loaded)

    result = audit_account(loaded)

    assert result.agrees, result
    stub.close()


def test_processes_that_do_not_run_have_said_nothing(runtime_dir: Path) -> None:
    assert newest_seqs(runtime_dir) == {}


def test_the_childs_command_is_this_interpreters() -> None:
    assert child_command()[:3] == (sys.executable, "-m", "polybot.cli.audit_child")
