"""`polybot flatten`: the trader sells; the command asks, watches, and says what is left."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from polybot.messages.commands import Done, FlattenPositions, HeldPosition, Holdings
from tests.unit.cli.conftest import Command
from tests.unit.cli.history import OPEN
from tests.unit.cli.peer import Peer
from tests.unit.cli.test_orders import holdings

POSITION = HeldPosition(
    agent="capture",
    slug=OPEN,
    outcome="Up",
    token_id="7",
    size_shares=25_000_000,
    sellable_shares=25_000_000,
    cost_usdc=24_000_000,
    bid_bps=9500,
)


class SellingTrader:
    """Sells everything after so many looks at it; -1 for never."""

    def __init__(self, runtime_dir: Path, looks: int, state: str = "REDUCING") -> None:
        self.looks = looks
        self.state = state
        self.command: FlattenPositions | None = None
        answers = {"GetHoldings": self.tell, "FlattenPositions": self.take}
        self.peer = Peer(runtime_dir, "trader", answers)

    def tell(self, _: Any) -> Holdings:
        if self.command is None:
            return holdings(trading_state=self.state, positions=(POSITION,))
        self.looks -= 1
        if self.looks == 0:
            return holdings(trading_state=self.state)
        waiting = type(POSITION)(
            **{name: getattr(POSITION, name) for name in POSITION.__struct_fields__}
            | {"waits_for": "nobody bids"}
        )
        return holdings(
            trading_state=self.state, positions=(waiting,), flattening=(self.command.command_id,)
        )

    def take(self, command: FlattenPositions) -> Done:
        self.command = command
        return Done(detail="flattening every agent")


def test_it_watches_until_everything_is_sold(polybot: Command, runtime_dir: Path) -> None:
    trader = SellingTrader(runtime_dir, looks=2)
    with trader.peer:
        result = polybot("flatten", "--min-price", "0.5", "--agent", "capture", "--yes")
    assert trader.command is not None
    assert (trader.command.min_price_bps, trader.command.agent) == (5000, "capture")
    assert result.stdout.splitlines()[0] == "1 position sold, 0 left"
    assert "polybot resume" in result.stdout


def test_what_is_not_sold_in_time_is_named_with_its_reason(
    polybot: Command, runtime_dir: Path
) -> None:
    trader = SellingTrader(runtime_dir, looks=-1)
    with trader.peer:
        result = polybot("flatten", "--yes", "--wait", "0.2", "--json", code=5)
    told = json.loads(result.stdout)
    assert told["goes_on"] is True
    assert told["left"] == [
        {
            "agent": "capture",
            "slug": OPEN,
            "outcome": "Up",
            "size": "25",
            "waits_for": "nobody bids",
        }
    ]


def test_without_a_trader_it_is_refused(polybot: Command) -> None:
    assert "expected trader to run" in polybot("flatten", "--yes", code=3).stderr


def test_without_yes_a_script_is_refused_and_nothing_is_sold(
    polybot: Command, runtime_dir: Path
) -> None:
    trader = SellingTrader(runtime_dir, looks=1)
    with trader.peer:
        polybot("flatten", code=6)
    assert trader.command is None


def test_a_halted_trader_refuses(polybot: Command, runtime_dir: Path) -> None:
    trader = SellingTrader(runtime_dir, looks=1, state="HALTED")
    with trader.peer:
        assert "polybot resume" in polybot("flatten", "--yes", code=6).stderr
    assert trader.command is None


@pytest.mark.parametrize("price", ["0", "1", "1.5", "-0.2", "much", "0.00001"])
def test_a_floor_that_is_no_price_is_a_usage_error(polybot: Command, price: str) -> None:
    polybot("flatten", "--min-price", price, "--yes", code=2)


def test_a_lost_answer_is_asked_for_again_under_the_same_id(
    polybot: Command, runtime_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polybot.cli.flatten.ANSWER_S", 0.3)
    trader = SellingTrader(runtime_dir, looks=1)
    asked: list[str] = []

    def slow_at_first(command: FlattenPositions) -> Done:
        asked.append(command.command_id)
        if len(asked) == 1:
            time.sleep(0.5)
        return trader.take(command)

    trader.peer._answers["FlattenPositions"] = slow_at_first  # noqa: SLF001
    with trader.peer:
        polybot("flatten", "--yes")
    assert len(asked) == 2
    assert len(set(asked)) == 1
