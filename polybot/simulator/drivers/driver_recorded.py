"""Recorded markets as a driver: windows in the order they opened, as their rows came in."""

import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from polybot.domain.market import Outcome
from polybot.domain.settlement import PriceSource
from polybot.errors import RecordingError
from polybot.exchange.token_ids import complete_ids
from polybot.recordings.index import load_index
from polybot.recordings.windows_csv import RecordedWindow
from polybot.simulator.drivers.driver import Act, IsSettled, Playlist, is_played
from polybot.simulator.drivers.recorded_window import (
    RecordedTerms,
    is_playable,
    listed_ns,
    played,
    settled_unplayed,
)
from polybot.simulator.happenings import Happening, TellPrice

logger = logging.getLogger(__name__)


class RecordedDriver:
    """Plays a recordings directory once; after its last window it has nothing more to tell.

    A window without an outcome is not offered. One without rows of a book or of best prices is
    settled at its close without being played.
    """

    endless = False

    def __init__(self, directory: Path, terms: RecordedTerms) -> None:
        index = load_index(directory, complete_ids=complete_ids)
        for problem in index.problems:
            logger.warning("recordings: %s", problem)
        self._terms = terms
        self._windows = sorted(
            (window for window in index.windows if window.outcome is not None), key=_first_ns
        )
        if not self._windows:
            raise RecordingError(
                f"expected a window with a known outcome in {directory}, was none; "
                "give a recordings directory whose windows.csv has outcomes"
            )
        playable = sum(is_playable(window) for window in self._windows)
        logger.info("%s recorded windows, %s of them to be played", len(self._windows), playable)
        self.start_ns = _first_ns(self._windows[0])
        # Windows added to the directory later are still the same market.
        self.source = f"recordings of {directory.resolve().name}"
        self._playlist = Playlist(())
        self._newest: dict[tuple[str, PriceSource], int] = {}
        self.seek(self.start_ns, lambda _: False)

    def seek(self, played_ns: int, is_settled: IsSettled) -> None:
        """Begin with the windows that are not settled at a market time."""
        self._newest = {}
        self._playlist = Playlist(self._acts(played_ns, is_settled))

    def peek(self) -> Happening | None:
        """Return the next happening, None at the end."""
        return self._playlist.peek()

    def take_until(self, until_ns: int) -> list[Happening]:
        """Take the happenings up to a time; the recordings of two windows may tell one price."""
        return [
            happening
            for happening in self._playlist.take_until(until_ns)
            if not isinstance(happening, TellPrice) or self._is_news(happening)
        ]

    def _is_news(self, price: TellPrice) -> bool:
        key = (price.asset, price.source)
        if price.price_ns <= self._newest.get(key, 0):
            return False
        self._newest[key] = price.price_ns
        return True

    def _acts(self, played_ns: int, is_settled: IsSettled) -> Iterator[Act]:
        for window in self._windows:
            resolved_ns = window.close_ns
            if is_playable(window):
                resolved_ns += self._terms.resolve_after_ns
            if is_played(resolved_ns, window.slug, played_ns, is_settled):
                continue
            outcome = Outcome(window.outcome)
            play = played if is_playable(window) else settled_unplayed
            yield Act(_first_ns(window), partial(play, window, outcome, self._terms))


def _first_ns(window: RecordedWindow) -> int:
    return listed_ns(window) if is_playable(window) else window.close_ns
