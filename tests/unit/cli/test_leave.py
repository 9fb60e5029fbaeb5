"""How an arming stands at a moment is judged for the wallet that is configured."""

from pathlib import Path

import pytest

from polybot.adapters.arming_files import ArmingFile
from polybot.cli.leave import leave_of
from polybot.config.load import LoadedConfig, load
from polybot.config.locations import Installation
from polybot.domain.arming import HOUR_NS, Arming, ArmingState
from polybot.exchange.signing import OrderSigner
from tests.unit.cli.surroundings import KEY

INSTALLED = Installation(root=Path("/etc/polybot"), is_clone=False)
CLONE = Installation(root=Path("/srv/polybot"), is_clone=True)
NOW = 1_800_000_000_000_000_000


def live(state_dir: Path) -> LoadedConfig:
    return load(
        {
            "POLYBOT_CONFIG": str(state_dir.parent / "polybot.toml"),
            "POLYBOT_STATE_DIR": str(state_dir),
            "POLYBOT__MODE": "live",
            "POLYMARKET_PRIVATE_KEY": KEY,
        }
    )


def test_it_runs_out_at_its_original_end(state_dir: Path) -> None:
    ArmingFile(state_dir).write(
        Arming(
            funder=OrderSigner(KEY).address,
            signature_type=0,
            versions=("v1",),
            armed_ns=NOW,
            expires_ns=NOW + 24 * HOUR_NS,
            by="me",
        )
    )
    states = []
    for hours in (0, 23, 24):
        leave = leave_of(live(state_dir), NOW + hours * HOUR_NS)
        assert leave is not None
        states.append(leave.state)
    assert states == [ArmingState.ARMED, ArmingState.EXPIRING, ArmingState.EXPIRED]


def test_an_installation_s_arming_is_told_without_the_trader_s_key(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "polybot.cli.account.is_service_floor", lambda locations: not locations.is_clone
    )
    arming = Arming(
        funder="0x" + "11" * 20,
        signature_type=0,
        versions=("v1",),
        armed_ns=NOW,
        expires_ns=NOW + 24 * HOUR_NS,
        by="me",
    )
    ArmingFile(state_dir).write(arming)
    environ = {
        "POLYBOT_CONFIG": str(state_dir.parent / "polybot.toml"),
        "POLYBOT_STATE_DIR": str(state_dir),
        "POLYBOT__MODE": "live",
    }
    states = []
    for home, funder in (
        (INSTALLED, ""),
        (INSTALLED, arming.funder),
        (INSTALLED, "0x" + "22" * 20),
        (CLONE, arming.funder),
    ):
        named = {**environ, "POLYMARKET_FUNDER": funder} if funder else environ
        leave = leave_of(load(named, installation=home, keyless=True), NOW)
        assert leave is not None
        states.append(leave.state)
    refused = ArmingState.REFUSED
    assert states == [ArmingState.ARMED, ArmingState.ARMED, refused, refused]
