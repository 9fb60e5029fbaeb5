"""One floor on which scenarios are played one after the other: kill, recover, judge, go on."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from polybot.adapters.clock import SystemClock
from polybot.messages.codec import decode_body, decode_envelope
from polybot.messages.trading import OrderSubmitted
from polybot.runtime.checkpoint import CheckpointStore
from polybot.runtime.journal_reader import JournalReader
from polybot.runtime.journal_verify import verify
from polybot.services.trader.restore import restore
from polybot.services.trader.state import SCHEMA
from tests.prove.child import synced_seq
from tests.prove.evidence import Evidence, Post, Session
from tests.prove.floor import Drilled, Floor
from tests.prove.judge import ALWAYS, AT_REST, SOON, WHILE_DEAD, Check, Finding, Verdict, findings
from tests.prove.matrix import SIMULATOR, TRACKER, TRADER, Answer
from tests.prove.power_cut import cut_power
from tests.prove.watchman import Watchman

RECOVERY_S: Final = 40.0
SOON_S: Final = 30.0
REST_S: Final = 90.0
LOOK_S: Final = 0.01


@dataclass(slots=True)
class Stage:
    """Keeps floor and evidence together; times in monotonic seconds.

    `cut_off` are side and type of the orders that the killed trader had written since the last
    look, when a power cut then took unsynced bytes away.
    """

    floor: Floor
    draw: random.Random
    evidence: Evidence = field(init=False)
    watchman: Watchman = field(init=False)
    drilled: Drilled = field(init=False, default_factory=Drilled)
    is_stopped: bool = field(init=False, default=False)
    recoveries_s: list[float] = field(init=False, default_factory=list)
    lost_records: int = field(init=False, default=0)
    cut_off: set[tuple[str, str]] = field(init=False, default_factory=set)
    showed_a_finding: bool = field(init=False, default=False)
    _found_dead: list[Finding] = field(init=False, default_factory=list)
    _known_sessions: int = field(init=False, default=0)
    _first_post: int = field(init=False, default=0)
    _life_post: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.evidence = Evidence.of(self.floor.state)

    def open(self, drilled: Drilled) -> None:
        """Start every process for the first time."""
        self.floor.configure(drilled)
        self.floor.start(SIMULATOR)
        self.floor.wait_for_exchange()
        self.watchman = Watchman(self.floor.runtime)
        self.floor.start(TRACKER)
        self.begin(drilled)

    def close(self, *, keep: bool) -> None:
        """End every process."""
        if hasattr(self, "watchman"):
            self.watchman.close()
        self.floor.close(keep=keep)

    # lives of the trader

    def begin(self, drilled: Drilled) -> None:
        """Start the trader and wait until it has reconciled and decides."""
        began_s = self.start_trader(drilled)
        self.wait_until_deciding()
        self.recoveries_s.append(time.monotonic() - began_s)

    def start_trader(self, drilled: Drilled) -> float:
        """Start the trader; returns when."""
        if drilled != self.drilled:
            self.drilled = drilled
        self.floor.configure(drilled)
        self._known_sessions = len(self.evidence.trader.sessions)
        self._life_post = len(self.evidence.requests.posts)
        began_s = time.monotonic()
        self.floor.start(TRADER)
        return began_s

    def wait_until_deciding(self) -> None:
        """Wait for the first decision after the first reconcile of this life."""

        def deciding() -> bool:
            self.look()
            session = self.session
            return session is not None and bool(session.deciding_seq)

        self.wait("the trader to decide", deciding, RECOVERY_S)

    @property
    def session(self) -> Session | None:
        """The session of the running trader, None before it wrote anything."""
        sessions = self.evidence.trader.sessions
        return sessions[-1] if len(sessions) > self._known_sessions else None

    def kill_trader(self, *, power_cut: bool) -> None:
        """Kill the trader, and with a power cut take from its journal what was not synced."""
        self.floor.kill(TRADER)
        directory = self.floor.journal_of(TRADER)
        self.cut_off = set()
        if power_cut:
            self.cut_off = _kinds_written(directory, self.evidence.journals[TRADER].last_seq + 1)
            self.lost_records += cut_power(directory, synced_seq(directory), self.draw)
        self.calm()
        self.evidence.requests.read()
        self.evidence.read_trader(verify(directory).last_seq)
        # The exchange answered since: what the dead one had sent has arrived.
        over_ns = time.time_ns()
        for session in self.evidence.trader.sessions:
            session.over_ns = session.over_ns or over_ns
        self.evidence.restored = self._restored()
        self._found_dead += findings(self.evidence, WHILE_DEAD)

    def restart(self, process: str) -> None:
        """Kill and start one of the others."""
        self.floor.kill(process)
        self.floor.start(process)
        if process == SIMULATOR:
            self.floor.wait_for_exchange()

    # the exchange's answers

    def answer_with(self, answer: Answer, *, every: int) -> None:
        """Let the exchange answer orders so from now on."""
        self.evidence.requests.read()
        self._first_post = len(self.evidence.requests.posts)
        if not answer.fault:
            return
        rule: dict[str, Any] = {"fault": answer.fault, "endpoint": "POST /order", "every": every}
        if answer.seconds:
            rule["seconds"] = answer.seconds * self.floor.slowness
        if answer.once:
            rule["times"] = 1
        self.floor.ask("/simulator/faults", {"rules": [rule]})

    def calm(self) -> None:
        """Let the exchange answer as it should again."""
        self.floor.ask("/simulator/faults", {"rules": []})

    def posts_since(self) -> list[Post]:
        """Return the orders that arrived since the answer was changed."""
        self.evidence.requests.read()
        return self.evidence.requests.posts[self._first_post :]

    def posts_of_this_life(self) -> list[Post]:
        """Return the orders that arrived since the trader's newest start."""
        self.evidence.requests.read()
        return self.evidence.requests.posts[self._life_post :]

    # looking

    def look_at_the_trader(self) -> None:
        """Read what is durable of the running trader."""
        self.evidence.read_trader(synced_seq(self.floor.journal_of(TRADER)))

    def look(self) -> None:
        """Read what is durable of a running floor, requests before the journal that explains."""
        self.evidence.requests.read()
        self.evidence.read_trader(synced_seq(self.floor.journal_of(TRADER)))
        tracker = synced_seq(self.floor.journal_of(TRACKER))
        self.evidence.journals[TRACKER].read(tracker)

    def stands_still(self, process: str, seconds: float) -> bool:
        """Wait until a process stands still, and read on: journals are trimmed meanwhile."""
        next_look_s = 0.0

        def look_now_and_then() -> None:
            nonlocal next_look_s
            if time.monotonic() >= next_look_s:
                self.look()
                next_look_s = time.monotonic() + LOOK_S * 5

        until_s = time.monotonic() + seconds * self.floor.slowness
        return self.floor.stood_still(process, until_s, look_now_and_then)

    def look_at_everything(self) -> None:
        """Read the exchange's books first, then what must already hold what they show."""
        self.evidence.exchange = self.floor.ask("/simulator/ledger")
        self.look()
        self.evidence.database.read()

    def wait(self, what: str, met: Callable[[], bool], seconds: float) -> None:
        """Wait for something; AssertionError with the trader's last words when it stays away."""
        end = time.monotonic() + seconds * self.floor.slowness
        while not met():
            if time.monotonic() >= end:
                words = self.floor.log_tail(TRADER)
                raise AssertionError(f"waited {seconds:.0f} s for {what}\n{words}")
            for process in (TRADER, TRACKER, SIMULATOR):
                if not self.floor.is_alive(process):
                    words = self.floor.log_tail(process)
                    raise AssertionError(f"the {process} ended by itself\n{words}")
            time.sleep(LOOK_S)

    # judging

    def judge(self) -> list[Finding]:
        """Judge a recovered floor; what is on its way gets a while to arrive."""
        return self._judged({**ALWAYS, **SOON}, SOON_S)

    def judge_at_rest(self) -> list[Finding]:
        """Judge a floor on which nothing is sent any more, after everything has ended."""
        return self._judged({**ALWAYS, **SOON, **AT_REST}, REST_S)

    def _judged(self, checks: dict[Check, Verdict], seconds: float) -> list[Finding]:
        end = time.monotonic() + seconds * self.floor.slowness
        while True:
            self.look_at_everything()
            found = findings(self.evidence, checks)
            # What holds at every moment is not waited for.
            is_over = time.monotonic() >= end or any(f.check in _ALWAYS_NAMES for f in found)
            if not found or is_over:
                dead, self._found_dead = self._found_dead, []
                self.showed_a_finding = self.showed_a_finding or bool(dead + found)
                return dead + found
            time.sleep(LOOK_S * 3)

    def _restored(self) -> Any:
        directory = self.floor.journal_of(TRADER)
        checkpoint = CheckpointStore(directory, clock=SystemClock()).load_newest(SCHEMA)
        seq = checkpoint.seq if checkpoint else 0
        state = checkpoint.state if checkpoint else None
        return restore(seq, state, _payloads(directory, seq + 1)).state


def _kinds_written(directory: Path, seq: int) -> set[tuple[str, str]]:
    """Return side and type of every order written down from a seq on, synced or not."""
    kinds = set()
    for payload in _payloads(directory, seq):
        envelope = decode_envelope(payload)
        if envelope.type == OrderSubmitted.__name__:
            order = decode_body(envelope.type, envelope.body).order
            kinds.add((order.side.value, order.order_type.value))
    return kinds


_ALWAYS_NAMES: Final = frozenset(check.__name__ for check in ALWAYS)


def _payloads(directory: Path, seq: int) -> Iterator[bytes]:
    """Return what a start would find: the torn tail that a power cut left is no part of it."""
    last_seq = verify(directory).last_seq
    reader = JournalReader(directory)
    while seq <= last_seq and (records := reader.read_from(seq, 5_000, until_seq=last_seq)):
        yield from (record.payload for record in records)
        seq = records[-1].seq + 1


@contextmanager
def staged(floor: Floor, draw: random.Random) -> Iterator[Stage]:
    """Give a stage whose processes end whatever happens; its directory stays when it failed."""
    stage = Stage(floor, draw)
    failed = True
    try:
        yield stage
        failed = False
    finally:
        stage.close(keep=failed or stage.showed_a_finding)
