"""Every life of a floor's trader can be replayed byte for byte, also one that was killed."""

import json
from collections.abc import Callable

import pytest

from tests.integration.floor import DRILL, Floor

pytestmark = pytest.mark.floor


@pytest.mark.timeout(420)
def test_every_session_of_a_floor_replays_over_a_kill(new_floor: Callable[..., Floor]) -> None:
    floor = new_floor(toml=DRILL)
    floor.start_alive(timeout_s=90)
    floor.wait("trades", lambda: len(floor.json("trades") or []) > 2, timeout_s=120)
    killed = floor.kill("trader")
    floor.wait("a new trader", lambda: floor.pid_of("trader") not in (0, killed), timeout_s=60)
    before = len(floor.json("trades"))
    floor.wait("more trades", lambda: len(floor.json("trades") or []) > before, timeout_s=120)
    assert floor.command("halt", "--reason", "enough").returncode == 0
    # While it runs, which takes the processor from it: what is on the tape by now.
    done = floor.command("replay", "--json", timeout_s=180)
    running = json.loads(done.stdout)
    assert (running["identical"], running["complete"]) == (True, True)
    floor.stop()

    sessions = floor.json("replay", "list")
    assert [told["problem"] for told in sessions] == [None, None]
    for told in sessions:
        done = floor.command("replay", "--session", told["session"], "--diff", timeout_s=120)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "identical" in done.stdout
    whole = floor.json("replay", "--session", sessions[1]["session"])
    assert whole["decisions"] > 2
    # A life that was stopped as asked to is on the tape to its end, the halt included.
    assert whole["off_tape"] == {"events": 0, "decisions": 0}
