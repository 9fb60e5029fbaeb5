import secrets
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from polybot.bootstrap.trader import limits_of, settings_of, wallet_problem
from polybot.config.schema import (
    Config,
    ExchangeConfig,
    RiskConfig,
    WalletConfig,
    WatchdogConfig,
)
from polybot.domain.risk_limits import RiskLimits
from polybot.exchange.production import PRODUCTION_URLS
from polybot.exchange.signing import OrderSigner
from polybot.exchange.wallet_addresses import deposit_wallet
from polybot.messages.commands import HaltTrading
from polybot.runtime.logs import mask_wallet
from tests.unit.bootstrap.one_process import HEAVY, OneProcess, surroundings

REAL_KEY = "0x" + "5a" * 32
# Another run of these tests on this machine would hold the lock of the same wallet.
REAL_FUNDER = "0x" + secrets.token_hex(20)


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trader")


@pytest.fixture(scope="module")
def lived(state_dir: Path) -> Iterator[OneProcess]:
    wallet = {"POLYMARKET_PRIVATE_KEY": REAL_KEY, "POLYMARKET_FUNDER": REAL_FUNDER}
    with TemporaryDirectory(prefix="pb-") as runtime_dir:
        with OneProcess("trader", state_dir, Path(runtime_dir), **wallet) as trader:
            heartbeat = trader.status()
            assert (heartbeat.process, heartbeat.pid) == ("trader", trader.pid)
            assert heartbeat.trading_state == "RECONCILING"
            trader.ask(HaltTrading(source="operator", reason="the road is wet"))
        yield trader


def test_without_an_exchange_it_answers_and_stops_when_asked_to(lived: OneProcess) -> None:
    assert lived.exit_code == 0, lived.log
    assert "Traceback" not in lived.log


def test_on_a_simulated_exchange_a_play_wallet_trades_whatever_the_environment_holds(
    lived: OneProcess, state_dir: Path
) -> None:
    path = state_dir / "wallet" / "key"
    key = path.read_text().strip()
    assert key != REAL_KEY
    assert path.stat().st_mode & 0o777 == 0o600
    assert mask_wallet(OrderSigner(key).address) in lived.log
    for foreign in (OrderSigner(REAL_KEY).address, REAL_FUNDER):
        assert mask_wallet(foreign) not in lived.log
    assert key.removeprefix("0x") not in lived.log


def test_on_a_mirrored_market_a_play_wallet_trades_too(tmp_path: Path, runtime_dir: Path) -> None:
    settings = {"POLYBOT__MODE": "paper", "POLYMARKET_PRIVATE_KEY": REAL_KEY}
    with OneProcess("trader", tmp_path, runtime_dir, **settings) as trader:
        assert trader.status().process == "trader"
    assert (tmp_path / "wallet" / "key").read_text().strip() != REAL_KEY
    assert mask_wallet(OrderSigner(REAL_KEY).address) not in trader.log


def test_on_a_real_market_the_configured_wallet_trades(tmp_path: Path, runtime_dir: Path) -> None:
    nowhere = {
        f"POLYBOT__EXCHANGE__{key.upper()}": f"{'ws' if key[:3] == 'ws_' else 'http'}://127.0.0.1:9"
        for key in PRODUCTION_URLS
    }
    settings = {
        **nowhere,
        "POLYBOT__MODE": "live",
        "POLYMARKET_PRIVATE_KEY": REAL_KEY,
        "POLYMARKET_FUNDER": REAL_FUNDER,
    }
    with OneProcess("trader", tmp_path, runtime_dir, **settings) as trader:
        assert trader.status().process == "trader"
    assert mask_wallet(REAL_FUNDER) in trader.log
    assert REAL_KEY.removeprefix("0x") not in trader.log
    assert not (tmp_path / "wallet" / "key").exists()


def test_a_second_life_keeps_wallet_and_halt_and_says_the_halt_first(
    lived: OneProcess, state_dir: Path, runtime_dir: Path
) -> None:
    key = (state_dir / "wallet" / "key").read_text()
    with OneProcess("trader", state_dir, runtime_dir) as again:
        assert again.status().trading_state == "HALTED"
    assert again.exit_code == 0, lived.log + again.log
    assert (state_dir / "wallet" / "key").read_text() == key
    first = again.log.splitlines()[0]
    assert "STILL IN FORCE: HALTED by operator" in first
    assert "the road is wet" in first


def test_it_never_loads_what_only_others_need(lived: OneProcess) -> None:
    assert "coincurve" in lived.modules
    assert lived.modules.isdisjoint({*HEAVY, "peewee", "aiohttp"})


def test_limits_in_dollars_become_integers() -> None:
    risk = RiskConfig(
        min_buy_price=Decimal("0.05"),
        max_buy_price=Decimal("0.995"),
        max_order_usdc=Decimal("12.34"),
        max_window_usdc=Decimal("99.999999"),
        max_deployed_usdc=Decimal(400),
        max_daily_loss_usdc=Decimal("1E+2"),
        max_open_orders=7,
        max_orders_per_minute=8,
        max_consecutive_losses=9,
        pause_s=0.5,
    )
    assert limits_of(Config(risk=risk)) == RiskLimits(
        min_buy_bps=500,
        max_buy_bps=9_950,
        max_order_usdc=12_340_000,
        max_window_usdc=99_999_999,
        max_deployed_usdc=400_000_000,
        max_daily_loss_usdc=100_000_000,
        max_open_orders=7,
        max_orders_per_minute=8,
        max_consecutive_losses=9,
        pause_ns=500_000_000,
    )


@pytest.mark.parametrize(("kind", "fits"), [(0, False), (2, False), (3, True)])
def test_a_wallet_that_is_not_the_key_s_is_a_problem_to_be_named(kind: int, fits: bool) -> None:
    address = OrderSigner(REAL_KEY).address
    wallet = WalletConfig(funder=deposit_wallet(address), signature_type=kind)
    problem = wallet_problem(Config(mode="live", wallet=wallet), address)
    assert (problem == "") is fits
    assert fits or "run: polybot init" in problem
    other = WalletConfig(funder=REAL_FUNDER, signature_type=3)
    assert wallet_problem(Config(mode="live", wallet=other), address)
    assert wallet_problem(Config(mode="synthetic", wallet=other), address) == ""


def test_rates_and_the_clock_s_tolerance_are_the_configured_ones() -> None:
    config = Config(
        exchange=ExchangeConfig(orders_per_second=7, cancels_per_second=9),
        watchdog=WatchdogConfig(max_clock_skew_s=2),
    )
    settings = settings_of(config, OrderSigner(REAL_KEY))
    assert (settings.orders_per_second, settings.cancels_per_second) == (7, 9)
    assert settings.max_skew_s == 2


def second_trader(state_dir: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Start a trader in directories of its own, on the wallet of another floor's key."""
    with TemporaryDirectory(prefix="pb-") as name:
        root = Path(name)
        (root / "wallet").mkdir(mode=0o700)
        key = (state_dir / "wallet" / "key").read_text()
        (root / "wallet" / "key").write_text(key)
        done = subprocess.run(
            [sys.executable, "-m", "polybot.cli.run", "trader"],
            env=surroundings(root, root / "run") | environ,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        # Refused before anything was opened or asked; that it was tried is all that is noted.
        assert [path.name for path in (root / "trader").iterdir()] == ["starts.json"]
        assert not (root / "run").exists()
    return done


def test_a_second_trader_of_the_same_wallet_is_refused_whatever_its_directories(
    tmp_path: Path,
) -> None:
    with (
        TemporaryDirectory(prefix="pb-") as runtime_dir,
        OneProcess("trader", tmp_path, Path(runtime_dir)) as first,
    ):
        done = second_trader(tmp_path)
        assert first.status().pid == first.pid
    assert done.returncode == 78
    (line,) = [line for line in done.stderr.splitlines() if "must not start" in line]
    assert f"process {first.pid}" in line
    assert f"state {tmp_path}, sockets {runtime_dir}" in line
    assert first.exit_code == 0


def test_a_refused_trader_stops_the_runner_of_its_floor(tmp_path: Path) -> None:
    runner = """
import os, signal, subprocess, sys
os.environ["POLYBOT_FLOOR_RUNNER"] = str(os.getpid())
signal.signal(signal.SIGTERM, lambda *_: print("runner asked to stop", flush=True))
code = subprocess.run([sys.executable, "-m", "polybot.cli.run", "trader"]).returncode
print("trader ended with", code, flush=True)
"""
    with (
        TemporaryDirectory(prefix="pb-") as runtime_dir,
        OneProcess("trader", tmp_path, Path(runtime_dir)),
        TemporaryDirectory(prefix="pb-") as name,
    ):
        root = Path(name)
        (root / "wallet").mkdir(mode=0o700)
        (root / "wallet" / "key").write_text((tmp_path / "wallet" / "key").read_text())
        done = subprocess.run(
            [sys.executable, "-c", runner],
            env=surroundings(root, root / "run"),
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    assert done.stdout.splitlines() == ["runner asked to stop", "trader ended with 78"]


def test_traders_of_two_wallets_go_side_by_side(tmp_path: Path) -> None:
    with TemporaryDirectory(prefix="pb-") as one, TemporaryDirectory(prefix="pb-") as two:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
        with (
            OneProcess("trader", tmp_path / "one", Path(one)) as first,
            OneProcess("trader", tmp_path / "two", Path(two)) as second,
        ):
            assert {first.status().pid, second.status().pid} == {first.pid, second.pid}
        assert (first.exit_code, second.exit_code) == (0, 0)
