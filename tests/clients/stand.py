"""A simulator to run an official client against, and the market the scenarios trade."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.integration.simulator_process import SimulatorProcess

KEY = "0x" + "11" * 32
ADDRESS = "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A"
# What a scenario needs of a window: market seconds before it closes, and a price far from its end.
LEAST_SECONDS = 120
LEAST_BID = 0.1


@contextmanager
def simulator(directory: Path, **settings: object) -> Iterator[SimulatorProcess]:
    """Run a simulator; slow enough that one window is open during a whole scenario."""
    process = SimulatorProcess(
        directory, **{"speed": 4.0, "series": ("btc-updown-15m",), **settings}
    )
    process.start()
    try:
        yield process
    finally:
        assert process.stop() == 0


def open_market(running: SimulatorProcess) -> dict[str, Any]:
    """Return the window that closes last, once it has a book and time left, and is undecided."""

    def usable(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
        now_s = running.fetch("/simulator/time")["market_ns"] / 1e9
        return [
            market
            for market in listed
            if market["bestBid"]
            and LEAST_BID < float(market["bestBid"]) < 1 - LEAST_BID
            and datetime.fromisoformat(market["endDate"]).timestamp() - now_s > LEAST_SECONDS
        ]

    listed = running.wait_until("/markets", usable, seconds=90)
    return max(usable(listed), key=lambda market: str(market["endDate"]))


def tokens(market: dict[str, Any]) -> list[str]:
    """Return the ids of Up and Down that the market's version uses."""
    if market["version"] == "v2":
        return list(market["positionIds"])
    ids: list[str] = json.loads(market["clobTokenIds"])
    return ids


class Seen:
    """What a scenario reported, step by step."""

    def __init__(self, steps: dict[str, Any]) -> None:
        self.steps = steps

    def __getitem__(self, name: str) -> Any:
        """Return what a step returned; a step that raised fails the test with its words."""
        step = self.steps[name]
        assert "returned" in step, f"{name}: {step}"
        return step["returned"]

    def refusal(self, name: str) -> dict[str, Any]:
        """Return what a step raised."""
        step: dict[str, Any] = self.steps[name]
        assert "raised" in step, f"{name}: {step}"
        raised: dict[str, Any] = step["raised"]
        return raised
