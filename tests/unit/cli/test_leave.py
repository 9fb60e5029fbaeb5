"""How an arming stands at a moment is judged for the wallet that is configured."""

from pathlib import Path

from polybot.adapters.arming_files import ArmingFile
from polybot.cli.leave import leave_of
from polybot.config.load import LoadedConfig, load
from polybot.domain.arming import HOUR_NS, Arming, ArmingState
from polybot.exchange.signing import OrderSigner
from tests.unit.cli.surroundings import KEY

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
