"""A stopped floor's state with something of everything that a cleanup looks for."""

import os
from pathlib import Path

from polybot.bootstrap.backup.create import Source, create
from polybot.bootstrap.backup.dated import dated_path
from polybot.config.load import LoadedConfig, load
from tests.fakes import FakeClock
from tests.unit.bootstrap.backup.states import write_state

NOW_NS = FakeClock().now_ns()
DAY_NS = 86_400 * 1_000_000_000
ARCHIVED = "trader/archive/journal-0000000000000001.log.zst"


def loaded_of(state_dir: Path, **settings: str) -> LoadedConfig:
    """Return a synthetic floor's configuration."""
    named = {f"POLYBOT__{name.upper()}": value for name, value in settings.items()}
    return load({"POLYBOT_STATE_DIR": str(state_dir), "POLYBOT__MODE": "synthetic", **named})


def make_state(directory: Path) -> Path:
    """Write a state, with an archived segment under the name the journal gives it."""
    state_dir = write_state(directory)
    archive = state_dir / "trader" / "archive"
    (archive / "journal-0000000000000001.log.zst").write_text("put away")
    return state_dir


def back_up(state_dir: Path, *, days_ago: int = 0, without: tuple[str, ...] = ()) -> Path:
    """Make a real backup as of some days ago, and return its file."""
    now_ns = NOW_NS - days_ago * DAY_NS
    target = dated_path(state_dir, "synthetic", now_ns)
    source = Source(state_dir, "synthetic", state_dir / "none", frozenset(without))
    create(source, target, FakeClock(now_ns), lambda _: None)
    return target


def age(path: Path, hours: float) -> Path:
    """Let a path look as if it was written so long ago."""
    moment_ns = NOW_NS - int(hours * 3600 * 1_000_000_000)
    os.utime(path, ns=(moment_ns, moment_ns))
    return path


def named(state_dir: Path, paths: list[Path]) -> list[str]:
    """Return paths relative to a state directory."""
    return [path.relative_to(state_dir).as_posix() for path in paths]
