"""A disk without space under a floor that trades: exits go on, entries wait, and both return."""

import contextlib
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from polybot.adapters.clock import SystemClock
from polybot.messages.trading import DecisionMade
from polybot.runtime.journal_format import HEADER_BYTES
from polybot.runtime.journal_segment import list_segments
from polybot.runtime.journal_verify import verify
from polybot.runtime.outbox import JournaledOutbox
from polybot.runtime.restore import open_durable_state
from polybot.services.trader.state import SCHEMA
from tests.integration.books import assert_equal_books
from tests.integration.floor import Floor

pytestmark = pytest.mark.floor

# It buys stock and sells it a little at a time; while entries are stopped it sells on.
TOML = """\
[trader]
series = ["btc-updown-5m"]
[simulator]
series = ["btc-updown-5m"]
speed = 3
[watchdog]
min_disk_mb = 1
# SQLite cannot open its database without space: the tracker is tried again until there is some.
flapping_restarts = 100
flapping_s = 10
[risk]
min_buy_price = 0.01
max_buy_price = 0.99
max_order_usdc = 100
max_window_usdc = 1000
max_deployed_usdc = 1000
max_daily_loss_usdc = 900
max_orders_per_minute = 600
max_consecutive_losses = 1000
[[agents]]
name = "drill"
strategy = "drill"
capital_usdc = 1000
[agents.parameters]
side = "SELL"
order_type = "FAK"
every_s = 6
"""
# So little is left of the trader's segment: the first seconds of a life fill it.
LEFT_BYTES = 3_000


class Silent:
    """Nobody listens while the floor is down."""

    def send(self, topic: bytes, payload: bytes) -> None:
        """Forget it: the tracker asks for what it missed."""


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """Mount a disk of 96 MB, or skip where that is not allowed."""
    with tempfile.TemporaryDirectory(prefix="pbd-", dir="/tmp") as directory:
        mounting = ["mount", "-t", "tmpfs", "-o", "size=96m,mode=0700", "tmpfs", directory]
        if os.getuid() != 0 or subprocess.run(mounting, check=False).returncode != 0:
            pytest.skip("only root may mount a small disk")
        yield Path(directory)
        # A test that failed may have left a process that is about to end.
        subprocess.run(["umount", "--lazy", directory], check=True)


def fill_segment(directory: Path) -> None:
    """Let an earlier life of the trader have written its newest segment almost full."""
    durable = open_durable_state(directory, clock=SystemClock(), schema=SCHEMA)
    outbox = JournaledOutbox(
        "trader", "filler", journal=durable.journal, sender=Silent(), clock=SystemClock()
    )
    path = list_segments(directory)[-1].path
    left = path.stat().st_size - verify(directory).end_offset
    while left > LEFT_BYTES:
        before = durable.journal.last_seq
        outbox.record(
            DecisionMade(
                decision_id=f"d-filler-{before}",
                agent="filler",
                strategy="drill",
                slug="btc-updown-5m-1700000000",
                action="hold",
                reason="x" * max(1, min(6_000, left - LEFT_BYTES - 500)),
                inputs={},
            )
        )
        outbox.commit()
        (payload,) = durable.journal.payloads_from(before + 1, 1)
        left -= HEADER_BYTES + len(payload)
    durable.journal.close()
    report = verify(directory)
    assert report.ok
    assert path.stat().st_size - report.end_offset == left > 0


def take_all_space(disk: Path) -> None:
    with contextlib.suppress(OSError), (disk / "fill").open("ab") as file:
        while True:
            file.write(bytes(1 << 12))
            file.flush()


def behind(log: str, words: str) -> str:
    """Return the log behind some words of it, nothing while they are not there."""
    return log.partition(words)[2]


def sides(floor: Floor) -> list[str]:
    """Return the side of every order the exchange has executed, in its order."""
    return [row["side"] for row in floor.ledger()["executions"]]


def test_exits_are_written_in_the_reserve_and_entries_return_with_the_space(
    new_floor: Callable[..., Floor], small_disk: Path
) -> None:
    state = small_disk / "state"
    floor = new_floor(toml=TOML, POLYBOT_STATE_DIR=str(state))
    (floor.root / "state").symlink_to(state)
    floor.start_alive(timeout_s=90)
    floor.wait("a sale of stock", lambda: "SELL" in sides(floor), timeout_s=120)
    floor.stop()

    trader = state / "trader"
    fill_segment(trader)
    (trader / "journal.spare").unlink()
    take_all_space(small_disk)
    floor.start()
    log = floor.log_path.read_text
    floor.wait(
        "entries to stop", lambda: "no room for the next journal segment: cannot" in log(), 60
    )
    reserve = "the journal goes on in its reserve"
    floor.wait("an exit", lambda: "filled: drill SELL" in behind(log(), reserve), timeout_s=90)
    assert not (trader / "journal.reserve").exists()
    assert "FAK BUY" not in behind(log(), reserve)
    assert "free space on this disk" in log()
    pid = floor.wait("the trader's status", lambda: floor.pid_of("trader"), timeout_s=60)

    (small_disk / "fill").unlink()
    room = "there is room for the next journal segment again"
    floor.wait("room", lambda: room in log(), timeout_s=60)
    assert "FAK BUY" not in behind(log(), reserve).partition(room)[0]
    floor.wait(
        "trading again", lambda: "trading is now ACTIVE" in behind(log(), reserve), timeout_s=90
    )
    active = behind(log(), reserve).partition("trading is now ACTIVE")
    assert room in active[0]
    floor.wait("an entry", lambda: "filled: drill BUY" in behind(log(), room), timeout_s=180)
    assert (trader / "journal.reserve").stat().st_size == 256 << 10
    floor.wait("five processes alive", floor.all_alive, timeout_s=90)
    assert floor.pid_of("trader") == pid
    assert "Traceback" not in log()
    floor.stop()
    assert floor.command("journal", "verify").returncode == 0
    for process in ("trader", "tracker"):
        heads = re.findall(rf"journal head of {process}: (\S+)", log())
        assert len(heads) >= 4
        remembered = [word for head in heads for word in ("--head", head)]
        told = floor.command("journal", "verify", process, *remembered)
        assert told.returncode == 0, told.stdout
    floor.start_alive(timeout_s=90)
    assert_equal_books(floor)
    assert floor.command("audit").returncode == 0
