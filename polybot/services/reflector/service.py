"""The reflector process: finds the occasions to look back, and records each once."""

import logging
from typing import Any

import msgspec

from polybot.domain.digest import Digest, digest_of
from polybot.domain.metrics import SettledTrade
from polybot.domain.triggers import Trigger, due
from polybot.errors import ProtocolError, StorageError
from polybot.messages.learning import ReflectionRecorded
from polybot.messages.lifecycle import MarketTimeChanged
from polybot.messages.tracking import WindowGraded
from polybot.ports import Comment, Vitals
from polybot.services.reflector.needs import ReflectorPorts, ReflectorSettings
from polybot.services.reflector.restore import SCHEMA, Restored, Snapshot

logger = logging.getLogger(__name__)

SECOND_NS = 1_000_000_000
# A grade is heard a moment before the tracker has it in the database.
SETTLE_NS = SECOND_NS // 2
# Without news the day may still end, and a look is cheap.
LOOK_NS = 10 * SECOND_NS
NAP_S = 1.0


class ReflectorService:
    """Changes nothing: it reads the database and publishes what it saw.

    Invariant: a mark is recorded at most once, whatever crashes. It is done when our own journal
    or the database has it; the journal is asked first, for the database may lag behind it.
    """

    name = "reflector"

    def __init__(
        self, ports: ReflectorPorts, settings: ReflectorSettings, restored: Restored
    ) -> None:
        self.wake = ports.wake
        self.restored = (restored.checkpoint_seq, restored.replayed)
        self._ports = ports
        self._settings = settings
        self._marks = set(restored.marks)
        self._asked: dict[str, tuple[Trigger, Digest]] = {}
        self._look_at_ns = 0
        self._looks = 0
        self._problem = ""
        self._last = ""

    async def start(self) -> None:
        """Continue listening where the database ends: what is in it need not be heard."""
        try:
            positions = self._ports.history.positions()
            witnesses = self._ports.history.witnesses()
        except StorageError as error:
            logger.debug("no database to look back at yet: %s", error)
            positions, witnesses = {}, {}
        self._ports.inbox.resume_from(
            {source: positions.get(source, 0) for source in self._settings.sources}, witnesses
        )

    def turn(self) -> None:
        """Hear grades, look for occasions, record what the analyst has commented on."""
        now = self._ports.clock.monotonic_ns()
        self._hear(now)
        if now >= self._look_at_ns and self._ports.market_clock.ready():
            self._look_at_ns = now + LOOK_NS
            self._look()
        recorded = [self._record(comment) for comment in self._ports.analyst.take()]
        self._ports.outbox.commit()
        if any(recorded):
            self._checkpoint()

    def next_wake_s(self) -> float:
        """Sleep until the next look."""
        wait_s = (self._look_at_ns - self._ports.clock.monotonic_ns()) / SECOND_NS
        return min(NAP_S, max(0.0, wait_s))

    def vitals(self) -> Vitals:
        """Return the number of looks as progress."""
        clock = self._ports.market_clock
        return Vitals(progress=self._looks, market_ns=clock.now_ns() if clock.ready() else 0)

    def handle(self, request_type: str, body: Any) -> msgspec.Struct:
        """Refuse: the reflector has no commands of its own."""
        raise ProtocolError(f"expected a request the reflector knows, was {request_type}: {body}")

    def status(self) -> str:
        """Say what was recorded last."""
        if self._problem:
            return f"cannot look back: {self._problem}"
        return f"{len(self._marks)} reflections recorded{self._last}"

    async def stop(self) -> None:
        """End a comment under way; its mark is due again at the next start."""
        self._ports.analyst.stop()
        self._ports.outbox.commit()
        self._checkpoint()

    def _hear(self, now: int) -> None:
        for _, body in self._ports.inbox.take():
            if isinstance(body, MarketTimeChanged):
                self._ports.market_clock.accept(body)
            elif isinstance(body, WindowGraded) and body.trades:
                self._look_at_ns = min(self._look_at_ns, now + SETTLE_NS)

    def _look(self) -> None:
        self._looks += 1
        history = self._ports.history
        try:
            trades = history.settled_trades()
            known = self._marks | history.recorded_marks()
        except StorageError as error:
            if not self._problem:
                # At a floor's first start the tracker has not made the database yet.
                level = logging.INFO if self._looks == 1 else logging.WARNING
                logger.log(level, "cannot look back: %s", error)
            self._problem = str(error)
            return
        self._problem = ""
        now_ns = self._ports.market_clock.now_ns()
        settings = self._settings
        for trigger in due(trades, known, now_ns, settings.zone, settings.rules):
            if trigger.mark not in self._asked:
                digest = digest_of(self._within_reach(trades[: trigger.trades]), settings.zone)
                self._asked[trigger.mark] = (trigger, digest)
                self._ports.analyst.ask(trigger.mark, digest)

    def _within_reach(self, trades: list[SettledTrade]) -> list[SettledTrade]:
        """Return the trades that are no older than the look-back, counted from the newest."""
        newest_ns = max((trade.settled_ns for trade in trades), default=0)
        oldest_ns = newest_ns - self._settings.lookback_ns
        return [trade for trade in trades if trade.settled_ns >= oldest_ns]

    def _record(self, comment: Comment) -> bool:
        asked = self._asked.pop(comment.mark, None)
        if asked is None or comment.mark in self._marks:
            return False
        trigger, digest = asked
        if comment.error:
            logger.warning("no comment of %s: %s", self._ports.analyst.name, comment.error)
        self._marks.add(trigger.mark)
        self._last = f", the last on {trigger.mark}"
        self._ports.outbox.record(
            ReflectionRecorded(
                trigger=trigger.trigger,
                mark=trigger.mark,
                trades=trigger.trades,
                digest=digest,
                insights=comment.insights,
                analyst=self._ports.analyst.name,
            ),
            ts_event=self._ports.market_clock.now_ns(),
        )
        logger.info(
            "looked back on %s: %s trades, %.0f %% won, P&L $%+.2f; nothing is changed by it",
            trigger.mark,
            digest["trades"],
            100 * float(digest["win_rate"] or 0),
            float(digest["pnl_usdc"] or 0) / 1e6,
        )
        return True

    def _checkpoint(self) -> None:
        state = msgspec.json.encode(Snapshot(marks=tuple(sorted(self._marks))))
        self._ports.checkpoints.save_in_background(self._ports.outbox.last_seq(), state, SCHEMA)
