import asyncio
from typing import Any

import pytest

from polybot.domain.alarms import AlarmRules
from polybot.domain.liveness import LivenessRules
from polybot.errors import ProtocolError
from polybot.messages.codec import encode
from polybot.messages.commands import GetVerdicts, ResumeTrading, StopEntries, Verdicts
from polybot.messages.lifecycle import Heartbeat, MarketTimeChanged
from polybot.messages.safety import AlertCleared, AlertRaised, VerdictChanged
from polybot.messages.tracking import AuditCompleted
from polybot.services.watchdog.needs import FenceTools, WatchdogPorts, WatchdogSettings
from polybot.services.watchdog.service import WatchdogService
from polybot.services.watchdog.state import restore
from tests.fakes import (
    FakeCheckpoints,
    FakeClock,
    FakeCommandSender,
    FakeInbox,
    FakeMarketClock,
    FakeOutbox,
)
from tests.unit.services.watchdog.fakes import (
    FakeExchangeTime,
    FakeFenceStore,
    FakeHost,
    FakeKiller,
    FakeMessenger,
    FakeStorage,
    FakeSweeper,
)

FLOOR = ("simulator", "trader", "tracker", "reflector", "watchdog")
PEERS = FLOOR[:-1]
SETTINGS = WatchdogSettings(
    processes=FLOOR,
    pid=99,
    liveness=LivenessRules(late_s=3, dead_s=10, stalled_s=30, flapping_restarts=3, flapping_s=120),
    alarms=AlarmRules(),
)


class Bench:
    """A floor of processes that beat once a second while they are in `beating`."""

    def __init__(self) -> None:
        self.inbox = FakeInbox()
        self.outbox = FakeOutbox("watchdog")
        self.commands = FakeCommandSender()
        self.host = FakeHost()
        self.time = FakeExchangeTime()
        self.storage = FakeStorage()
        self.fence = FakeFenceStore()
        self.killer = FakeKiller(self.fence)
        self.sweeper = FakeSweeper()
        self.checkpoints = FakeCheckpoints()
        self.messenger = FakeMessenger()
        self.clock = FakeClock()
        self.market = FakeMarketClock()
        self.beating = set(PEERS)
        self.sessions = dict.fromkeys(PEERS, "s1")
        self.figures: dict[str, Any] = {}
        self.crash_loops: dict[str, str] = {}
        self.turns = 0
        self.lives = 0
        self.service = self.start()

    def start(self) -> WatchdogService:
        """Begin a life of the watchdog on what the one before left."""
        self.lives += 1
        self.outbox.crash(f"s{self.lives}")
        ports = WatchdogPorts(
            wake=asyncio.Event(),
            inbox=self.inbox,
            outbox=self.outbox,
            commands=self.commands,
            host=self.host,
            exchange_time=self.time,
            storage=self.storage,
            fence=FenceTools(store=self.fence, killer=self.killer, sweeper=self.sweeper),
            checkpoints=self.checkpoints,
            clock=self.clock,
            market_clock=self.market,
            messenger=self.messenger,
            crash_loops=lambda: dict(self.crash_loops),
        )
        seq, state, _ = self.checkpoints.saved or (0, None, 0)
        tail = [encode(envelope) for envelope, _ in self.outbox.committed[seq:]]
        self.service = WatchdogService(ports, SETTINGS, restore(seq, state, tail))
        asyncio.run(self.service.start())
        return self.service

    def kill(self) -> WatchdogService:
        """End this life without a last word, and begin another."""
        self.messenger.answers.clear()
        return self.start()

    def run(self, seconds: int) -> None:
        """Let so many seconds pass."""
        for _ in range(seconds):
            self.turns += 1
            for name in sorted(self.beating):
                beat = Heartbeat(
                    process=name,
                    pid=10 + PEERS.index(name),
                    last_seq=0,
                    turns=self.turns,
                    progress=0,
                    status=f"{name} works",
                    uptime_s=100.0,
                    **(self.figures if name == "trader" else {}),
                )
                self.inbox.put_volatile(beat, source=name, session=self.sessions[name])
            self.service.turn()
            self.clock.advance(1)

    def verdicts(self, name: str) -> list[str]:
        """Return what was told of a process, in order."""
        return [
            event.verdict for event in self.outbox.events(VerdictChanged) if event.process == name
        ]

    def alerts(self) -> list[str]:
        """Return the keys raised, and with a minus those cleared, in order."""
        told = []
        for _, event in self.outbox.committed:
            if isinstance(event, AlertRaised):
                told.append(event.key)
            elif isinstance(event, AlertCleared):
                told.append(f"-{event.key}")
        return told

    def stops(self) -> list[str]:
        """Return the reasons told to the trader, "" for a resume."""
        return [
            command.reason if isinstance(command, StopEntries) else ""
            for _, command in self.commands.sent
        ]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_floor_that_works_is_alive_and_nothing_else_is_said(bench: Bench) -> None:
    bench.run(60)

    assert {name: bench.verdicts(name) for name in PEERS} == {name: ["alive"] for name in PEERS}
    assert bench.alerts() == []
    assert bench.stops() == [""]
    assert bench.service.status() == "all processes alive"


@pytest.mark.parametrize(
    ("process", "stops"), [("tracker", True), ("trader", True), ("reflector", False)]
)
def test_a_silent_process_is_late_then_dead_and_may_stop_entries(
    bench: Bench, process: str, stops: bool
) -> None:
    bench.run(5)
    bench.beating.discard(process)
    bench.run(15)

    assert bench.verdicts(process) == ["alive", "late", "dead"]
    assert bench.alerts() == [f"process:{process}"]
    assert any(reason.startswith(f"{process} is dead") for reason in bench.stops()) is stops

    bench.beating.add(process)
    bench.run(5)

    assert bench.verdicts(process)[-1] == "alive"
    assert bench.alerts() == [f"process:{process}", f"-process:{process}"]
    assert bench.stops()[-1] == ""


def test_a_process_that_never_comes_is_late_without_a_word_and_then_dead(bench: Bench) -> None:
    bench.beating.discard("reflector")

    bench.run(9)
    assert bench.verdicts("reflector") == []
    bench.run(3)

    assert bench.verdicts("reflector") == ["dead"]


def test_a_process_that_keeps_restarting_is_flapping(bench: Bench) -> None:
    bench.run(2)
    for number in range(3):
        bench.sessions["tracker"] = f"again{number}"
        bench.run(2)

    assert bench.verdicts("tracker") == ["alive", "flapping"]
    assert "started again 3 times" in bench.stops()[-1]

    bench.run(130)

    assert bench.verdicts("tracker") == ["alive", "flapping", "alive"]
    assert bench.stops()[-1] == ""


@pytest.mark.parametrize(
    ("key", "measure"),
    [
        ("disk", lambda bench: setattr(bench.host, "free_mb", 5)),
        ("clock", lambda bench: setattr(bench.time, "skew", -9.0)),
        ("database:read_only", lambda bench: setattr(bench.host, "writable", False)),
        ("feed:market", lambda bench: bench.figures.update(ages_s={"market": 61.0})),
    ],
)
def test_a_measure_beyond_its_limit_stops_entries_and_says_why(
    bench: Bench, key: str, measure: Any
) -> None:
    bench.run(10)
    before = len(bench.stops())
    measure(bench)

    bench.run(10)

    assert bench.alerts() == [key]
    [raised] = bench.outbox.events(AlertRaised)
    assert raised.severity == "critical"
    assert bench.stops()[before:]
    assert set(bench.stops()[before:]) == {raised.text}
    assert f"entries stopped: {raised.text}" in bench.service.status()


def test_a_crash_loop_alerts_until_it_is_over_and_stops_nothing_by_itself(bench: Bench) -> None:
    bench.run(2)
    bench.crash_loops["reflector"] = "3 crashes in 9 s, a start waits 1 s"
    bench.run(6)
    [raised] = bench.outbox.events(AlertRaised)
    assert (raised.key, raised.severity) == ("crash_loop:reflector", "critical")
    assert raised.text == "reflector keeps crashing: 3 crashes in 9 s, a start waits 1 s"
    # It goes on crashing: that is the same condition.
    bench.crash_loops["reflector"] = "4 crashes in 12 s, a start waits 2 s"
    bench.run(6)
    assert bench.alerts() == ["crash_loop:reflector"]
    assert bench.stops() == [""]
    bench.crash_loops.clear()
    bench.run(6)
    assert bench.alerts() == ["crash_loop:reflector", "-crash_loop:reflector"]


def test_memory_only_warns(bench: Bench) -> None:
    bench.host.rss = {11: 900}

    bench.run(10)

    assert bench.alerts() == ["memory:trader"]
    assert set(bench.stops()) == {""}


def test_a_paused_or_finished_market_may_be_silent(bench: Bench) -> None:
    bench.figures = {"ages_s": {"market": 500.0}}
    paused = MarketTimeChanged(origin_mono_ns=0, origin_market_ns=0, speed=0.0)
    bench.inbox.put_volatile(paused, source="simulator")
    bench.run(5)
    assert bench.alerts() == []

    idle = MarketTimeChanged(origin_mono_ns=0, origin_market_ns=0, speed=20.0, idle=True)
    bench.inbox.put_volatile(idle, source="simulator")
    bench.run(5)
    assert bench.alerts() == []

    runs = MarketTimeChanged(origin_mono_ns=0, origin_market_ns=0, speed=20.0)
    bench.inbox.put_volatile(runs, source="simulator")
    bench.run(5)

    assert bench.alerts() == ["feed:market"]
    assert bench.market.accepted == [paused, idle, runs]


def audit(*differences: str) -> AuditCompleted:
    return AuditCompleted(
        agrees=not differences, differences=differences, orders=1, fills=1, windows=1
    )


def test_books_that_differ_stop_entries_until_an_audit_agrees(bench: Bench) -> None:
    bench.run(2)
    bench.inbox.put(audit("cash: off", "b", "c", "d"), source="tracker")
    bench.run(5)
    assert bench.alerts() == ["audit"]
    assert bench.stops()[-1].endswith("in 4 points, the first: cash: off")

    bench.inbox.put(audit(), source="tracker")
    bench.run(2)

    assert bench.alerts() == ["audit", "-audit"]
    assert bench.stops()[-1] == ""


def test_a_restart_repeats_nothing_and_forgets_nothing(bench: Bench) -> None:
    bench.host.free_mb = 5
    bench.inbox.put(audit("cash: off"), source="tracker")
    bench.run(20)
    told = len(bench.outbox.committed)
    assert sorted(bench.alerts()) == ["audit", "disk"]

    bench.start()
    bench.run(20)

    assert len(bench.outbox.committed) == told
    assert isinstance(bench.commands.sent[-1][1], StopEntries)

    bench.host.free_mb = 5_000
    bench.inbox.put(audit(), source="tracker")
    bench.run(10)

    assert sorted(bench.alerts()) == ["-audit", "-disk", "audit", "disk"]
    assert isinstance(bench.commands.sent[-1][1], ResumeTrading)


def test_it_restarts_from_checkpoint_and_journal(bench: Bench) -> None:
    bench.run(70)
    assert bench.checkpoints.saved is not None
    bench.host.free_mb = 5
    bench.run(10)

    service = bench.start()

    assert service.restored[0] == bench.checkpoints.saved[0]
    assert service.restored[1] == 1
    bench.host.free_mb = 5_000
    bench.run(10)
    assert bench.alerts() == ["disk", "-disk"]


def test_verdicts_are_told_on_request_the_own_one_included(bench: Bench) -> None:
    bench.host.free_mb = 5
    bench.run(2)
    bench.beating.discard("reflector")
    bench.run(5)

    told = bench.service.handle("GetVerdicts", GetVerdicts())

    assert isinstance(told, Verdicts)
    by_name = {verdict.name: verdict for verdict in told.processes}
    assert tuple(by_name) == FLOOR
    assert (by_name["trader"].pid, by_name["trader"].verdict) == (11, "alive")
    assert by_name["trader"].status == "trader works"
    assert by_name["reflector"].verdict == "late"
    assert by_name["reflector"].heartbeat_age_s == pytest.approx(6.0)
    assert (by_name["watchdog"].pid, by_name["watchdog"].verdict) == (99, "alive")
    assert told.alerts == ("expected 200 MiB free on the state disk, was 5 MiB",)


def test_a_process_that_was_never_heard_has_no_pid_and_no_age(bench: Bench) -> None:
    [trader] = [p for p in bench.service.verdicts().processes if p.name == "trader"]

    assert (trader.pid, trader.heartbeat_age_s, trader.verdict) == (0, -1.0, "late")


def test_other_requests_are_refused(bench: Bench) -> None:
    with pytest.raises(ProtocolError, match="StopEntries"):
        bench.service.handle("StopEntries", StopEntries(source="x", reason="y"))


def test_it_hears_from_where_the_database_ends(bench: Bench) -> None:
    bench.storage.stored = {"trader": 4}

    bench.start()

    assert bench.inbox.positions == {**dict.fromkeys(FLOOR, 0), "trader": 4}
    assert bench.inbox.known_by == bench.storage.witnesses()


def test_a_database_that_is_not_there_yet_is_no_obstacle(bench: Bench) -> None:
    bench.storage.fails = True

    bench.start()
    bench.run(2)

    assert bench.inbox.positions == dict.fromkeys(FLOOR, 0)
    assert bench.service.vitals().progress == 2
    assert bench.service.next_wake_s() == pytest.approx(0.0)


def test_stopping_writes_a_checkpoint(bench: Bench) -> None:
    bench.run(2)

    asyncio.run(bench.service.stop())

    assert bench.checkpoints.saved is not None
    assert bench.checkpoints.saved[0] == bench.outbox.last_seq()
