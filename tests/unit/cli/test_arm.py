"""`polybot arm` and `disarm`: the only way to real orders, and back."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from polybot.adapters.arming_files import ArmingFile
from polybot.cli.leave import leave_of
from polybot.config.load import load
from polybot.domain.arming import Arming, ArmingState
from polybot.exchange.signing import OrderSigner
from tests.unit.cli.conftest import Command
from tests.unit.cli.surroundings import KEY

ADDRESS = OrderSigner(KEY).address
NOW = 1_800_000_000_000_000_000
DEAD = {
    f"POLYBOT__EXCHANGE__{key}_URL": f"{'ws' if key.startswith('WS') else 'http'}://127.0.0.1:9"
    for key in ("CLOB", "GAMMA", "DATA", "GEOBLOCK", "RPC", "WS_MARKET", "WS_USER", "WS_PRICE")
}


def arming(**changes: Any) -> Arming:
    values: dict[str, Any] = {
        "funder": ADDRESS,
        "signature_type": 0,
        "versions": ("v1",),
        "armed_ns": NOW,
        "expires_ns": 0,
        "by": "me",
    }
    return Arming(**(values | changes))


@pytest.fixture
def live(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set a live wallet up whose exchange does not answer."""
    for name, value in DEAD.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("POLYBOT__MODE", "live")
    monkeypatch.setenv("POLYMARKET_PRIVATE_KEY", KEY)
    return state_dir


def test_only_live_mode_can_be_armed(polybot: Command, state_dir: Path) -> None:
    result = polybot("arm", "--yes", code=6)
    assert "was synthetic" in result.stderr
    assert not (state_dir / "arming.json").exists()


def test_nothing_is_armed_unless_the_doctor_is_green(polybot: Command, live: Path) -> None:
    result = polybot("arm", "--yes", code=6)
    assert "not armed" in result.stderr
    assert "exchange version" in result.stderr
    assert not (live / "arming.json").exists()


@pytest.mark.parametrize(
    "options", [("--ttl", "31d"), ("--ttl", "1m"), ("--ttl", "soon")], ids=" ".join
)
def test_a_time_outside_an_hour_and_thirty_days_is_refused(
    polybot: Command, live: Path, options: tuple[str, ...]
) -> None:
    assert "--ttl" in polybot("arm", "--yes", *options, code=2).stderr
    assert not (live / "arming.json").exists()


def test_an_end_and_no_end_contradict_each_other(polybot: Command, live: Path) -> None:
    del live
    polybot("arm", "--ttl", "24h", "--until-disarmed", code=2)


def test_disarm_takes_it_back_and_works_twice(polybot: Command, live: Path) -> None:
    ArmingFile(live).write(arming())
    assert polybot("disarm").stdout.startswith("disarmed")
    assert not (live / "arming.json").exists()
    assert "nothing was armed" in polybot("disarm").stdout


def test_disarm_works_with_a_broken_configuration_and_a_damaged_arming(
    polybot: Command, live: Path
) -> None:
    (live / "arming.json").write_text("{")
    (live.parent / "polybot.toml").write_text("bogus = 1\n[wallet]\nsignature_type = 9\n")
    done = json.loads(polybot("disarm", "--json").stdout)
    assert done == {"disarmed": True, "trader": ""}


def test_a_leave_that_cannot_be_taken_back_is_said_loudly_with_another_way(
    polybot: Command, state_dir: Path
) -> None:
    (state_dir / "arming.json").mkdir()
    said = polybot("disarm", code=1).stderr
    assert "STILL ARMED: polybot halt" in said


def test_disarm_works_after_the_mode_was_changed(
    polybot: Command, live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ArmingFile(live).write(arming())
    monkeypatch.setenv("POLYBOT__MODE", "synthetic")
    assert polybot("disarm").stdout.startswith("disarmed")


def test_the_leave_is_the_configured_wallets_and_only_live_modes(live: Path) -> None:
    def now() -> Any:
        return leave_of(load(dict(os.environ)), NOW)

    assert now().state is ArmingState.NOT_ARMED
    ArmingFile(live).write(arming())
    assert now().allows_entries
    ArmingFile(live).write(arming(funder="0x" + "12" * 20))
    assert now().state is ArmingState.REFUSED
    (live / "arming.json").write_text("{")
    assert now().state is ArmingState.REFUSED
    assert leave_of(load({**os.environ, "POLYBOT__MODE": "synthetic"}), NOW) is None


def test_status_says_first_of_all_whether_orders_are_real(polybot: Command, live: Path) -> None:
    assert polybot("status", code=3).stdout.startswith("NOT ARMED  run: polybot arm\n")
    ArmingFile(live).write(arming(armed_ns=1))
    shown = polybot("status", code=3).stdout
    assert shown.startswith("ARMED    until polybot disarm")
    assert max(map(len, shown.splitlines())) <= 40
    document = json.loads(polybot("status", "--json", code=3).stdout)
    assert document["arming"]["state"] == "armed"
    assert document["arming"]["expires_ns"] is None
