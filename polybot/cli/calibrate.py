"""`polybot simulator calibrate`: the synthetic market's figures beside those of recordings."""

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from polybot.cli.options import Json
from polybot.cli.output import say, warn
from polybot.config.locations import absolute

if TYPE_CHECKING:
    from polybot.simulator.drivers.calibration import MarketFigures

EXAMPLES = (
    "polybot simulator calibrate --recordings ~/recordings",
    "polybot simulator calibrate --recordings ~/recordings --seed 11 --windows 500 --json",
)

_NO_FIGURE = "-"
_ROWS = (
    ("windows", "windows", "{:.0f}"),
    ("windows with sizes", "windows_with_book", "{:.0f}"),
    ("spread, median, cents", "spread_median", "{:.1f}"),
    ("spread, mean, cents", "spread_mean", "{:.2f}"),
    ("spread, 99 of 100 below, cents", "spread_p99", "{:.1f}"),
    ("best price, median shares", "best_shares", "{:.0f}"),
    ("five best prices, median shares", "near_shares", "{:.0f}"),
    ("book updates a second", "updates_per_s", "{:.1f}"),
    ("changed levels a second", "levels_per_s", "{:.1f}"),
    ("trades a second", "trades_per_s", "{:.2f}"),
    ("reference price, move a second, bps", "move_bps", "{:.2f}"),
    ("jumps above 1 bps a minute", "jumps_per_minute", "{:.1f}"),
    ("strike to close, median, bps", "distance_bps", "{:.1f}"),
    ("tick flips, % of windows", "tick_flips", "{:.0%}"),
    ("prices between cents, % of windows", "fine_prices", "{:.0%}"),
)


def calibrate(
    recordings: Annotated[
        str,
        typer.Option(help="Compare with the recorded markets of this directory.", metavar="DIR"),
    ],
    seed: Annotated[int, typer.Option(help="Seed of the synthetic market.", min=0)] = 7,
    windows: Annotated[
        int, typer.Option(help="Synthetic 5-minute windows to make up.", min=1, max=10_000)
    ] = 100,
    as_json: Json = False,
) -> None:
    """Print the synthetic market's figures beside those of recordings; "-" where there is none.

    The last rows say in how many windows the favorite can still be bought (5 shares under $0.99),
    by seconds to the close.
    """
    # Every other command would wait for what only this one needs.
    from polybot.simulator.drivers.calibration_runs import (  # noqa: PLC0415
        recorded_figures,
        synthetic_figures,
    )

    warn(f"reading the recordings of {absolute(recordings)}; hundreds take a minute")
    real = recorded_figures(absolute(recordings))
    warn(f"making up {windows} windows")
    made_up = synthetic_figures(seed, windows)
    if as_json:
        both = {"recordings": real, "synthetic": made_up}
        say(msgspec.json.encode(both).decode())
        return
    say("\n".join(table(real, made_up)))


def table(real: "MarketFigures", made_up: "MarketFigures") -> list[str]:
    """Return the figures of two markets as aligned lines."""
    rows = [("", "recordings", "synthetic")]
    rows += [
        (title, _shown(getattr(real, name), form), _shown(getattr(made_up, name), form))
        for title, name, form in _ROWS
    ]
    rows += [
        (
            f"favorite buyable {left_s} s before",
            _shown(real.buyable[left_s], "{:.0%}"),
            _shown(made_up.buyable[left_s], "{:.0%}"),
        )
        for left_s in real.buyable
    ]
    width = max(len(row[0]) for row in rows)
    return [f"{row[0]:<{width}}  {row[1]:>10}  {row[2]:>10}" for row in rows]


def _shown(value: float | None, form: str) -> str:
    return _NO_FIGURE if value is None else form.format(value)
