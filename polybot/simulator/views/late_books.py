"""The books as the Data API knows them: the same records, some of them not yet."""

from collections import deque
from typing import Final

import msgspec

from polybot.simulator.books.ledger import Ledger
from polybot.simulator.books.ledger_lookups import LedgerState
from polybot.simulator.books.records import AnyRecord
from polybot.simulator.faults.injector import NS_PER_S, FaultInjector, draw
from polybot.simulator.faults.plan import Fault

# How late it is is drawn anew for each of these stretches of market time.
STRETCH_S: Final = 30
SHORTEST_S: Final = 2


class LateBooks:
    """Follows a ledger at a distance while a rule says so, and is that ledger otherwise."""

    def __init__(self, ledger: Ledger, faults: FaultInjector) -> None:
        self._ledger = ledger
        self._faults = faults
        self._version = -1
        self._most_s = 0.0
        self._late: Ledger | None = None
        self._waiting: deque[AnyRecord] = deque()

    def on_record(self, record: AnyRecord) -> None:
        """Take a record that was just applied to the books."""
        if self._late is not None:
            self._waiting.append(record)

    def at(self, now_ns: int) -> Ledger:
        """Return the books as they are shown at a market time; they never go back."""
        if self._version != self._faults.version:
            self._adopt()
        if self._late is None:
            return self._ledger
        until_ns = now_ns - self._lag_ns(now_ns)
        while self._waiting and self._waiting[0].ts_ns <= until_ns:
            self._late.apply(self._waiting.popleft())
        return self._late

    def _adopt(self) -> None:
        """Begin to lag behind what is in the books now, or end it."""
        self._version = self._faults.version
        rule = self._faults.find(Fault.DATA_LAG)
        self._most_s = rule.lasts_s if rule else 0.0
        self._waiting.clear()
        self._late = None
        if rule is not None:
            copied = msgspec.json.encode(self._ledger.state)
            self._late = Ledger(msgspec.json.decode(copied, type=LedgerState))

    def _lag_ns(self, now_ns: int) -> int:
        stretch = now_ns // (STRETCH_S * NS_PER_S)
        part = draw(self._faults.plan.seed, "data lag", stretch)
        seconds = min(SHORTEST_S, self._most_s) + part * max(self._most_s - SHORTEST_S, 0)
        return int(seconds * NS_PER_S)
