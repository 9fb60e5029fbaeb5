"""One run of chaos from its first directory to its report, whatever happens in between."""

import http.client
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from polybot.adapters.small_disk import SmallDisk
from polybot.bootstrap.chaos.plan import DISK_FULL, Wish, share_s
from polybot.cli.chaos import judge
from polybot.cli.chaos.floor import ChaosFloor
from polybot.cli.chaos.places import Places, clear_away, environment, make_places, settle_in
from polybot.cli.chaos.play import Player, Tell
from polybot.cli.chaos.report import Check, Report
from polybot.errors import PolybotError, StorageError

# What a floor may write in a run of an hour; it takes memory only as it is written.
DISK_BYTES: Final = 1 << 30
# What may break a run off: the floor, its files, its books and the simulated exchange.
_BROKEN: Final = (OSError, PolybotError, sqlite3.Error, http.client.HTTPException)
_WITHOUT: Final = "only a disk of our own may be full, and this system allows none"


def run(wish: Wish, tell: Tell) -> Report:
    """Play a run and judge it; an interrupt ends it early and cleanly, with what is known by then.

    Raises PolybotError only where no floor could be prepared.
    """
    places, disk, no_disk, floor = _prepared(wish, tell)
    player = Player(floor, disk, seed=wish.seed, tell=tell)
    checks: list[Check] = []
    error, is_interrupted = "", False
    try:
        floor.start()
        tell("waiting for a floor that trades")
        player.wait_until_it_trades()
        _play(player, wish, no_disk)
        checks += _judge(floor, tell)
    except KeyboardInterrupt:
        is_interrupted = True
        tell("interrupted; stopping the floor")
    except _BROKEN as broken:
        error = _reason(broken)
    finally:
        with _undisturbed():
            error = _trying(floor.stop) or error
            if checks:
                error = _trying(lambda: checks.append(judge.journals(floor))) or error
            error = _trying(lambda: clear_away(places, disk, keep=wish.keep)) or error
    return Report(
        seed=wish.seed,
        minutes=wish.minutes,
        played=tuple(player.played),
        checks=tuple(checks),
        interrupted=is_interrupted,
        kept=str(places.root) if wish.keep else "",
        error=error,
    )


def _prepared(wish: Wish, tell: Tell) -> tuple[Places, SmallDisk | None, str, ChaosFloor]:
    """Make a floor's directories, all or none: also the disk, or why there is none."""
    try:
        places = make_places()
    except OSError as error:
        raise StorageError(f"cannot make the directories of a run: {error}") from error
    disk = None
    try:
        tell(f"directory {places.root}")
        disk, no_disk = _mounted(places, wish)
        settle_in(places, wish.seed)
        floor = ChaosFloor(places, environment(places, os.environ))
    except BaseException as error:
        clear_away(places, disk, keep=False)
        if isinstance(error, OSError):
            raise StorageError(f"cannot prepare a floor: {error}") from error
        raise
    return places, disk, no_disk, floor


def _mounted(places: Places, wish: Wish) -> tuple[SmallDisk | None, str]:
    """Return the disk that can be full, or None and why there is none; only if one is needed."""
    if DISK_FULL not in wish.scenarios:
        return None, ""
    try:
        return SmallDisk.mount(places.disk, DISK_BYTES), ""
    except StorageError as error:
        return None, f"{_WITHOUT}: {error}"


def _play(player: Player, wish: Wish, no_disk: str) -> None:
    """Play every scenario that can be played here, in equal shares of the minutes."""
    playable = tuple(name for name in wish.scenarios if name != DISK_FULL or not no_disk)
    for name in wish.scenarios:
        if name in playable:
            player.play(name, share_s(playable, wish.minutes))
        else:
            player.skip(name, no_disk)


def _judge(floor: ChaosFloor, tell: Tell) -> list[Check]:
    """Judge a floor that runs: whether it trades after the last fault, then what it settles to."""
    look = floor.look()
    alive = Check(
        name="processes alive",
        ok=not look.missing,
        detail=f"not alive: {', '.join(look.missing)}" if look.missing else "all five",
    )
    took, problem = Player(floor, None, seed=0, tell=tell).await_trade(judge.RESUME_S)
    resumed = Check(
        name="trading resumed",
        ok=not problem,
        detail=problem or f"an order {took:.1f} s after the last fault was over",
    )
    settled = judge.let_settle(floor, tell)
    tell("comparing with the exchange")
    return [alive, resumed, *settled, judge.audit(floor), *judge.posted(floor)]


def _trying(step: Callable[[], None]) -> str:
    """Take a step of the end, which the next ones follow whatever comes of it."""
    try:
        step()
    except _BROKEN as error:
        return _reason(error)
    return ""


def _reason(error: Exception) -> str:
    # Some have no text of their own, and a run without an error would have passed.
    return str(error) or type(error).__name__


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let nobody interrupt the end: a second Ctrl-C would leave processes behind."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {each: signal.signal(each, signal.SIG_IGN) for each in signals}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
