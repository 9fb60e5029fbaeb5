import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from polybot.bootstrap.crash_stop import VARIABLE, stand_still_as_told
from polybot.errors import ConfigError

PROGRAM = """
import os, sys
from polybot.bootstrap.crash_stop import stand_still_as_told
from polybot.ports.crash_points import reach
stand_still_as_told(os.environ, mode="synthetic")
for number in range(5):
    print(number, flush=True)
    reach("order.unsent")
    reach("journal.synced")
"""


def test_a_process_stands_still_at_the_nth_time_it_reaches_its_point() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, VARIABLE: "journal.synced#3"},
        stdout=subprocess.PIPE,
    ) as process:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        assert os.WSTOPSIG(status) == signal.SIGSTOP
        process.kill()
        out, _ = process.communicate()
        assert out.split() == [b"0", b"1", b"2"]


def test_a_point_may_be_told_later_by_a_file_and_counts_from_then(tmp_path: Path) -> None:
    told = tmp_path / "told"
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM.replace("print(number", "input(); print(number")],
        env={**os.environ, VARIABLE: f"@{told}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"0\n"
        (tmp_path / "new").write_text("journal.synced#2")
        (tmp_path / "new").rename(told)
        process.stdin.write(b"\n\n\n\n")
        process.stdin.flush()
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        process.kill()
        out, _ = process.communicate()
        # What round 0 still reached after its line may count, rounds after the file do.
        assert out.split() in ([b"1"], [b"1", b"2"])


def test_without_being_told_nothing_stands_still() -> None:
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE, check=True
    )
    assert len(done.stdout.split()) == 5


@pytest.mark.parametrize("told", ["nowhere", "order.unsent#0", "order.unsent#x", "#2"])
def test_a_point_that_does_not_exist_is_a_configuration_error(told: str) -> None:
    with pytest.raises(ConfigError, match="POLYBOT_CRASH_POINT"):
        stand_still_as_told({VARIABLE: told}, mode="synthetic")


def test_live_mode_takes_no_orders_from_the_environment() -> None:
    for told in ("order.unsent", "@/tmp/a-file"):
        with pytest.raises(ConfigError, match="none in live mode"):
            stand_still_as_told({VARIABLE: told}, mode="live")
    stand_still_as_told({}, mode="live")
