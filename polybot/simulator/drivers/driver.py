"""What moves a simulated market: a driver, telling what happens outside in market-time order."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import msgspec

from polybot.simulator.happenings import Happening

IsSettled = Callable[[str], bool]
"""Tells of a slug whether the books hold its outcome already."""


class Driver(Protocol):
    """A market to play: recorded, synthetic or another exchange's.

    `source` names the market, so that the books of one are never continued with another;
    `start_ns` is the market time it begins at. `endless` says that nothing to tell now does not
    mean nothing to tell later.
    """

    source: str
    start_ns: int
    endless: bool

    def seek(self, played_ns: int, is_settled: IsSettled) -> None:
        """Begin with what still matters at a market time: the whole of every window not settled."""

    def peek(self) -> Happening | None:
        """Return the next happening without taking it, None when there is none left."""

    def take_until(self, until_ns: int) -> list[Happening]:
        """Take the happenings up to a market time, in their order."""


class Act(msgspec.Struct, frozen=True):
    """A part of a driver's plan: a run of happenings that begins at `first_ns`."""

    first_ns: int
    happenings: Callable[[], Iterator[Happening]]


class Playlist:
    """Merges acts, given in the order they begin, into one run of happenings.

    An act is started only when nothing else comes before its first moment, so that no more is read
    or made up than is being played.
    """

    def __init__(self, acts: Iterable[Act]) -> None:
        self._acts = iter(acts)
        self._upcoming = next(self._acts, None)
        self._heap: list[tuple[int, int, Happening, Iterator[Happening]]] = []
        self._started = 0

    def peek(self) -> Happening | None:
        """Return the next happening, None at the end."""
        self._start_due()
        return self._heap[0][2] if self._heap else None

    def take_until(self, until_ns: int) -> list[Happening]:
        """Take the happenings up to a time."""
        taken: list[Happening] = []
        while (happening := self.peek()) is not None and happening.ts_ns <= until_ns:
            taken.append(happening)
            _, number, _, rest = heapq.heappop(self._heap)
            self._push(number, rest)
        return taken

    def _start_due(self) -> None:
        while self._upcoming is not None and (
            not self._heap or self._upcoming.first_ns <= self._heap[0][0]
        ):
            act = self._upcoming
            self._upcoming = next(self._acts, None)
            self._started += 1
            self._push(self._started, act.happenings())

    def _push(self, number: int, rest: Iterator[Happening]) -> None:
        happening = next(rest, None)
        if happening is not None:
            heapq.heappush(self._heap, (happening.ts_ns, number, happening, rest))


def is_played(resolved_ns: int, slug: str, played_ns: int, is_settled: IsSettled) -> bool:
    """Say whether a window lies wholly behind a market time and need not be played again.

    Records are journaled in the order of their times, so whatever was resolved before the newest
    of them is in the books; at the same moment the books have to be asked.
    """
    return resolved_ns < played_ns or (resolved_ns == played_ns and is_settled(slug))
