"""The section about crash loops: defaults as documented, and what is refused."""

from pathlib import Path

import pytest

from polybot.config.crash_loop import CrashLoopConfig
from polybot.errors import ConfigError
from tests.unit.bootstrap.one_process import configured


def test_by_default_the_third_crash_in_a_minute_is_held_back() -> None:
    told = CrashLoopConfig()
    assert (told.crashes, told.window_s) == (3, 60)
    assert (told.first_wait_s, told.longest_wait_s, told.quiet_s) == (1, 30, 300)


def test_it_can_be_switched_off(tmp_path: Path, runtime_dir: Path) -> None:
    off = configured(tmp_path, runtime_dir, POLYBOT__CRASH_LOOP__CRASHES="0")
    assert off.config.crash_loop.crashes == 0


@pytest.mark.parametrize("name", ["CRASHES", "FIRST_WAIT_S", "LONGEST_WAIT_S", "QUIET_S"])
def test_what_is_below_its_range_is_refused_by_name(
    tmp_path: Path, runtime_dir: Path, name: str
) -> None:
    with pytest.raises(ConfigError, match=f"crash_loop.{name.lower()}"):
        configured(tmp_path, runtime_dir, **{f"POLYBOT__CRASH_LOOP__{name}": "-1"})
