"""A process of a floor stands still where it is told, is killed there, and is never mistaken."""

import time
from collections.abc import Iterator

import pytest

from tests.prove.floor import Drilled, Floor

MODULE = ("tests.unit.prove.stand_in",)
LONG_S = 20.0


@pytest.fixture
def floor() -> Iterator[Floor]:
    floor = Floor(1, modules={"trader": MODULE, "tracker": MODULE})
    floor.configure(Drilled())
    yield floor
    floor.close()
    assert not floor.root.exists()


def nothing() -> None:
    """Do nothing meanwhile."""


def test_a_process_stands_still_once_it_is_armed_and_is_killed_there(floor: Floor) -> None:
    floor.start("trader")
    assert not floor.stood_still("trader", time.monotonic() + 0.1, nothing)
    floor.arm("trader", "order.unsent", 3)
    assert floor.stood_still("trader", time.monotonic() + LONG_S, nothing)
    assert floor.is_alive("trader")
    floor.kill("trader")
    assert not floor.is_alive("trader")


def test_the_next_life_passes_every_point_again(floor: Floor) -> None:
    floor.arm("trader", "order.unsent", 1)
    floor.start("trader")
    assert floor.stood_still("trader", time.monotonic() + LONG_S, nothing)
    floor.kill("trader")
    floor.start("trader")
    assert not floor.stood_still("trader", time.monotonic() + 0.5, nothing)


def test_a_process_that_ends_by_itself_is_no_crash_point(floor: Floor) -> None:
    floor.start("tracker")
    with pytest.raises(AssertionError, match="the tracker ended by itself: 7"):
        floor.stood_still("tracker", time.monotonic() + LONG_S, nothing)


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_the_configuration_of_a_floor_is_a_good_one(floor: Floor, side: str) -> None:
    from polybot.config.load import load  # noqa: PLC0415 - reads the environment, as a process does

    floor.configure(Drilled(side=side, order_type="FOK", misses=True))
    loaded = load(
        {
            "POLYBOT_CONFIG": str(floor.root / "polybot.toml"),
            "POLYBOT_STATE_DIR": str(floor.state),
            "POLYBOT_RUNTIME_DIR": str(floor.runtime),
        }
    )
    (agent,) = loaded.config.agents
    assert agent.strategy == "drill"
    assert agent.parameters["side"] == side
    assert loaded.config.mode == "synthetic"
