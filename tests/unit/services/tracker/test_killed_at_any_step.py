"""The tracker killed at every step of two windows: the database ends the same."""

from pathlib import Path
from typing import Any

from polybot.messages.tracking import WindowGraded
from polybot.services.tracker.service import TrackerService
from tests.story import (
    bought,
    opening,
    paid_out,
)
from tests.unit.services.tracker.floor import Floor, tell


class Stopped(Exception):
    """The process was killed here."""


class Breaking:
    """A ledger, outbox or catalog whose so-many-eth call is the process's last.

    `after` says whether the call was carried out before the kill.
    """

    def __init__(self, inner: Any, fuse: list[int], *, after: bool) -> None:
        self._inner = inner
        self._fuse = fuse
        self._after = after

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in ("store", "note_question", "note_graded", "commit", "acknowledge"):
            return found
        if name == "commit" and not self._inner.uncommitted:
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            self._fuse[0] -= 1
            if self._fuse[0] == 0 and not self._after:
                raise Stopped
            result = found(*args, **kwargs)
            if self._fuse[0] == 0:
                raise Stopped
            return result

        return call


def play(floor: Floor, *, stop_at: int = 0, after: bool = False) -> int:
    """Let two windows pass, killed once at a step; return the number of steps there were."""
    fuse = [stop_at]
    service = broken(floor, fuse, after=after)
    for advance_s, events in [*story(), *[(40.0, [])] * 4]:
        tell(floor, *events)
        floor.market.advance(advance_s)
        for _ in range(4):
            try:
                service.turn()
            except Stopped:
                floor.ledger.close()
                service = broken(floor, fuse, after=after)
                service.turn()
    floor.ledger.close()
    return -fuse[0]


def broken(floor: Floor, fuse: list[int], *, after: bool) -> TrackerService:
    return floor.start(lambda port: Breaking(port, fuse, after=after))


def story() -> list[tuple[float, list[Any]]]:
    first, second = bought(0), bought(1)
    return [
        (0, [opening(), *first[:4]]),
        (10, first[4:6]),
        (200, first[6:]),
        (105, second[:6]),
        (100, [paid_out(0)]),
        (200, second[6:]),
        (60, [paid_out(1)]),
    ]


def test_killed_at_any_step_the_tracker_ends_with_the_same_database(tmp_path: Path) -> None:
    whole = Floor(tmp_path / "whole.sqlite")
    whole.resolve(0)
    whole.resolve(1, "Down")
    steps = play(whole)
    expected = whole.contents()
    assert len(whole.outbox.events(WindowGraded)) == 2
    assert steps > 20

    for step in range(1, steps + 1):
        for after in (False, True):
            floor = Floor(tmp_path / f"{step}-{after}.sqlite")
            floor.resolve(0)
            floor.resolve(1, "Down")

            play(floor, stop_at=step, after=after)

            found = floor.contents()
            for name in expected:
                # When and how often was asked, and at what time it was said, may differ.
                assert timeless(name, found[name]) == timeless(name, expected[name]), (
                    step,
                    after,
                    name,
                )


TIMES = {"window_outcome": (5,), "window_grade": (10, 11), "market_window": (8, 9)}


def timeless(name: str, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    left_out = TIMES.get(name, ())
    return [
        tuple(value for index, value in enumerate(row) if index not in left_out) for row in rows
    ]
