import pytest

from polybot.domain.stored import PnlRow


@pytest.mark.parametrize(
    ("wins", "losses", "rate"), [(3, 1, 0.75), (0, 2, 0.0), (2, 0, 1.0), (0, 0, None)]
)
def test_the_win_rate_counts_decided_windows(wins: int, losses: int, rate: float | None) -> None:
    row = PnlRow(
        day="2026-08-20",
        agent="capture",
        strategy="capture_99c",
        windows=5,
        trades=5,
        wins=wins,
        losses=losses,
        pnl_usdc=0,
        fees_usdc=0,
        cost_usdc=0,
    )

    assert row.win_rate == rate
