"""Records the sessions that the regression gate replays: `python -m tests.record_sessions`.

Each is a floor on the synthetic market that is steered, killed and stopped; what its trader left is
packed into tests/data/sessions. Run it after a change that is meant to change decisions, and say in
the commit which.
"""

import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import msgspec
import zstandard

from polybot.bootstrap.replay.sessions import open_session, taped_sessions
from polybot.runtime.journal_archive import ARCHIVE_NAME, SUFFIX
from polybot.runtime.journal_segment import list_segments
from polybot.runtime.tape import list_tapes
from polybot.runtime.tape_format import TapeReader
from tests.integration.floor import Floor

SESSIONS: Final = Path(__file__).resolve().parent / "data" / "sessions"
LARGEST_BYTES: Final = 300_000
_LEVEL: Final = 19
_PATIENCE_S: Final = 180.0
_POLL_S: Final = 0.05


class Scene(msgspec.Struct, frozen=True):
    """A floor and what happens on it: a command line, or "kill", by lives of the trader.

    Each act has its moment: when the tape of the life has so many kB.
    """

    name: str
    toml: str
    acts: tuple[tuple[int, str], ...]
    faults: str = ""


_QUIET_MARKET: Final = """
mode = "synthetic"
[trader]
series = ["btc-updown-5m"]
checkpoint_s = 2
[simulator]
speed = 5
series = ["btc-updown-5m"]
"""

SCENES: Final = (
    # Entries and exits of the 99c capture, made to trade early; its life ends by a kill.
    Scene(
        name="capture",
        toml=_QUIET_MARKET
        + """
[[agents]]
name = "capture"
[agents.parameters]
min_confidence = 0.5
max_spread = 0.2
filter_minimum = 1
filter_stable_price = 0.5
filter_max_jump = 0.5
filter_max_opponent = 0.9
trend_threshold = 1
""",
        acts=((270, "kill"), (270, "down")),
    ),
    # Every way an order can take under the exchange's faults, and a person's commands.
    Scene(
        name="drill",
        toml=_QUIET_MARKET
        + """
protocol = "mixed"
[[agents]]
name = "buyer"
strategy = "drill"
[agents.parameters]
every_s = 4
rest_s = 8
order_type = "GTC"
[[agents]]
name = "seller"
strategy = "drill"
[agents.parameters]
side = "SELL"
order_type = "FAK"
every_s = 6
miss_every = 3
""",
        faults="""
seed = 5
[[rules]]
fault = "withheld_after"
endpoint = ["POST /order"]
probability = 0.1
seconds = 12
[[rules]]
fault = "reset_during"
endpoint = ["POST /order"]
probability = 0.1
[[rules]]
fault = "error_500_before"
endpoint = ["POST /order"]
probability = 0.1
""",
        acts=(
            (50, "stopentry --reason a-look"),
            (60, "resume --reason fine"),
            (70, "cancel-all --yes"),
            (180, "kill"),
            (250, "down"),
        ),
    ),
)


def record(scene: Scene, target: Path) -> None:
    """Play a scene and pack what its trader left; raises AssertionError when it is no good."""
    with tempfile.TemporaryDirectory(prefix="pb-session-") as root:
        faults = Path(root) / "faults.toml"
        faults.write_text(scene.faults)
        settings = {"POLYBOT__SIMULATOR__FAULTS": str(faults)} if scene.faults else {}
        floor = Floor(Path(root), toml=scene.toml, **settings)
        try:
            alive = floor.start_alive(timeout_s=90)
            first_pid = int(alive["trader"]["pid"])
            lives = 1
            for tape_kb, act in scene.acts:
                _wait_for_tape(floor, lives, tape_kb * 1000)
                _carry_out(floor, act, first_pid)
                lives += act == "kill"
        finally:
            floor.close()
        pack(floor.root / "state" / "trader", target)
    _check(target)


def pack(source: Path, target: Path) -> None:
    """Copy tapes and journal of a trader's directory, compressed as far as it goes."""
    shutil.rmtree(target, ignore_errors=True)
    (target / "tape").mkdir(parents=True)
    (target / ARCHIVE_NAME).mkdir()
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
    for path in list_tapes(source / "tape"):
        frames = b"".join(frame.encode() for frame in TapeReader(path))
        (target / "tape" / path.name).write_bytes(compressor.compress(frames))
    for segment in list_segments(source):
        packed = compressor.compress(segment.path.read_bytes())
        (target / ARCHIVE_NAME / (segment.path.name + SUFFIX)).write_bytes(packed)


def _wait_for_tape(floor: Floor, lives: int, size_bytes: int) -> None:
    def is_long() -> bool:
        tapes = list_tapes(floor.root / "state" / "trader" / "tape")
        return len(tapes) >= lives and tapes[-1].stat().st_size >= size_bytes

    deadline = time.monotonic() + _PATIENCE_S
    while not is_long():
        assert time.monotonic() < deadline, "the trader tapes nothing"
        time.sleep(_POLL_S)


def _carry_out(floor: Floor, act: str, first_pid: int) -> None:
    if act == "kill":
        os.kill(first_pid, signal.SIGKILL)
        return
    if act == "down":
        floor.stop()
        return
    done = floor.command(*act.split())
    assert done.returncode == 0, done.stdout + done.stderr


def _check(target: Path) -> None:
    for told in taped_sessions(target):
        outcome = open_session(target, told.session).run()
        line = f"{target.name}: session {told.session}, {told.size_bytes} bytes of tape"
        sys.stdout.write(f"{line}, {outcome.decisions} decisions, {outcome.events} events\n")
        assert outcome.complete, outcome
        assert told.size_bytes < LARGEST_BYTES, "let the scene be shorter"


def main() -> None:
    """Record the scenes named on the command line, or all."""
    wanted = sys.argv[1:] or [scene.name for scene in SCENES]
    for scene in SCENES:
        if scene.name in wanted:
            record(scene, SESSIONS / scene.name)


if __name__ == "__main__":
    main()
