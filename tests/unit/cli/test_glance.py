"""Tests of what a status is made of."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.reader import LedgerReader
from polybot.cli.conversation import conversation
from polybot.cli.glance import (
    Glance,
    MarketTime,
    expected_processes,
    judge,
    read_books,
    simulated_time,
    take_glance,
)
from polybot.config.load import load
from polybot.errors import StorageError
from polybot.messages.commands import ProcessVerdict, Verdicts
from polybot.messages.lifecycle import Heartbeat
from polybot.messages.trading import PreflightFinished
from tests.fakes import FakeClock, event_hash, make_envelope
from tests.unit.cli.history import NOW_NS, OPEN, WON, market
from tests.unit.cli.peer import Peer, beating

ZONE = ZoneInfo("America/New_York")


def beat(name: str) -> Heartbeat:
    return Heartbeat(process=name, pid=7, last_seq=0, turns=1, progress=1, status="works")


def verdict(name: str, word: str) -> ProcessVerdict:
    return ProcessVerdict(name=name, pid=9, verdict=word, heartbeat_age_s=4.0, status="slow")


def glance(clock: FakeClock | None = None) -> Glance:
    loaded = load(join_floor=True)
    with conversation(loaded.locations.runtime_dir) as talk:
        return take_glance(loaded, talk, clock or FakeClock())


def test_a_live_floor_has_no_simulator() -> None:
    assert expected_processes("live") == ("trader", "tracker", "reflector", "watchdog")
    assert expected_processes("replay")[0] == "simulator"


def test_the_watchdogs_verdict_counts_and_ours_where_it_has_none() -> None:
    verdicts = Verdicts(processes=(verdict("trader", "late"),))
    judged = judge(
        ("trader", "tracker", "reflector", "watchdog"),
        {"trader": beat("trader"), "tracker": beat("tracker")},
        verdicts,
        {"trader": 9, "tracker": 7, "reflector": 33},
    )
    assert [(each.name, each.verdict, each.pid) for each in judged] == [
        ("trader", "late", 9),
        ("tracker", "alive", 7),
        ("reflector", "late", 33),
        ("watchdog", "dead", 0),
    ]
    assert judged[3].heartbeat_age_s == -1.0


@pytest.mark.usefixtures("state_dir")
def test_nothing_running_is_a_glance_too() -> None:
    seen = glance()
    assert not seen.running
    assert {each.verdict for each in seen.processes} == {"dead"}
    assert "expected a database" in seen.books.problem
    assert seen.trading_state == "UNKNOWN"


@pytest.mark.usefixtures("history")
def test_processes_and_books_are_seen_together(runtime_dir: Path) -> None:
    told = beating("trader", trading_state="REDUCING", market_ns=NOW_NS)
    with (
        Peer(runtime_dir, "trader", told),
        Peer(
            runtime_dir,
            "watchdog",
            beating("watchdog")
            | {
                "GetVerdicts": lambda _: Verdicts(
                    processes=(verdict("trader", "alive"),), alerts=("disk: 200 MiB left",)
                )
            },
        ),
    ):
        seen = glance()
    assert seen.running
    assert seen.watched
    assert seen.trading_state == "REDUCING"
    assert seen.market == MarketTime(NOW_NS, 20.0)
    assert seen.alerts == ("disk: 200 MiB left",)
    assert [window.slug for window in seen.books.open_windows] == [OPEN]
    assert [claim.source for claim in seen.books.claims] == ["watchdog"]


def test_what_is_held_and_todays_result_come_from_the_books(history: Path) -> None:
    reader = LedgerReader.open(history)
    books = read_books(reader, NOW_NS, ZONE)
    reader.close()
    (position,) = books.positions
    assert (position.slug, position.size_shares) == (OPEN, 25_000_000)
    assert position.cost_usdc == 23_833_125
    assert sum(row.pnl_usdc for row in books.today) == 1_166_875 - 23_833_125


def test_yesterdays_result_is_not_todays(history: Path) -> None:
    reader = LedgerReader.open(history)
    books = read_books(reader, NOW_NS + 86_400 * 10**9, ZONE)
    reader.close()
    assert books.today == ()
    assert books.open_windows == ()


def test_books_that_cannot_be_read_are_a_problem_to_show() -> None:
    assert read_books(StorageError("gone"), NOW_NS, ZONE).problem == "gone"


@pytest.mark.usefixtures("history")
def test_without_anybody_to_tell_it_market_time_stands_still_at_the_newest_event() -> None:
    seen = glance()
    assert seen.market.speed == 0.0
    assert market(WON).open_ns < seen.market.now_ns <= NOW_NS


class TimeTeller(BaseHTTPRequestHandler):
    answer = b'{"market_ns": 5000000000, "mono_ns": 1, "speed": 2.5, "idle": false}'

    def do_GET(self) -> None:
        assert self.path == "/simulator/time"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (TimeTeller.answer, MarketTime(5_000_000_000, 2.5)),
        (b"not json", None),
        (b"[]", None),
        (b"{}", None),
    ],
)
def test_the_simulator_is_asked_for_market_time(
    tmp_path: Path, answer: bytes, told: MarketTime | None
) -> None:
    teller = type("Teller", (TimeTeller,), {"answer": answer})
    server = HTTPServer(("127.0.0.1", 0), teller)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    endpoints = tmp_path / "simulator.json"
    endpoints.write_text(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}))
    assert simulated_time(endpoints) == told
    thread.join()
    server.server_close()


@pytest.mark.parametrize("content", ["", "{}", '{"url": "http://127.0.0.1:1"}', '{"url": 3}'])
def test_a_simulator_that_is_not_there_tells_nothing(tmp_path: Path, content: str) -> None:
    endpoints = tmp_path / "simulator.json"
    assert simulated_time(endpoints) is None
    endpoints.write_text(content)
    assert simulated_time(endpoints) is None


def test_only_windows_that_are_not_over_are_told_as_kept_out(history: Path) -> None:
    ledger = Ledger.open(history, FakeClock())
    for seq, slug in enumerate((WON, OPEN), start=1):
        event = PreflightFinished(slug=slug, may_enter=False, reasons=("clock: off",), figures={})
        envelope = make_envelope(event, seq=seq, source="other", ts_event=NOW_NS)
        ledger.store([(envelope, event, event_hash(envelope))])
    ledger.close()
    reader = LedgerReader.open(history)
    told = read_books(reader, NOW_NS, ZONE).kept_out
    reader.close()
    assert [(window.slug, window.reason) for window in told] == [(OPEN, "clock: off")]
