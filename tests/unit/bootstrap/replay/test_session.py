"""A session comes out byte for byte, and one changed constant, input or event shows."""

import queue
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from polybot.bootstrap.replay.journal import SessionJournal
from polybot.bootstrap.replay.session import Outcome, SessionReplay
from polybot.bootstrap.replay.tape import SessionTape
from polybot.errors import Unavailable
from polybot.messages.commands import CancelOrders, HaltTrading, ResumeTrading
from polybot.messages.trading import OrderStatusChanged
from polybot.ports import CatalogAnswer
from polybot.runtime.tape import TapeSettings
from polybot.services.trader.taped_session import SessionRecord
from tests.story import CLOSE_NS, market_at
from tests.unit.bootstrap.replay.taped_trader import S, TapedTrader, with_parameters
from tests.unit.services.trader.fakes_exchange import refused
from tests.unit.services.trader.whole_trader import SETTINGS

Change = Callable[[SessionRecord], SessionRecord]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("trader")
    TapedTrader(directory).live().trade_a_window().end()
    return directory


def replayed(directory: Path, session: str = "life1", change: Change | None = None) -> Outcome:
    tape = SessionTape(directory / "tape", session)
    if change is not None:
        tape.record = change(tape.record)
    return SessionReplay(tape, SessionJournal(directory, session, tape.record.last_seq)).run()


def limits(**changes: int) -> Change:
    def change(record: SessionRecord) -> SessionRecord:
        settings = record.settings
        changed = msgspec.structs.replace(settings.limits, **changes)
        return msgspec.structs.replace(
            record, settings=msgspec.structs.replace(settings, limits=changed)
        )

    return change


def test_every_event_of_a_traded_window_comes_out_byte_for_byte(lived: Path) -> None:
    outcome = replayed(lived)
    assert (outcome.difference, outcome.stopped) == (None, "")
    assert outcome.complete
    assert outcome.decisions >= 5
    assert outcome.events > outcome.decisions
    # All but the process's own start, which the trader does not decide.
    total = SessionJournal(lived, "life1", 0).events()
    recorded = 0
    while total.take() is not None:
        recorded += 1
    assert outcome.events + 1 == recorded
    assert (outcome.off_tape_events, outcome.off_tape_decisions) == (0, 0)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (with_parameters(min_confidence="0.94"), "body.inputs.min_confidence_bps"),
        (with_parameters(max_entry_price="0.97"), "body.inputs.price_bps"),
        (with_parameters(fixed_shares="24"), "body.inputs.budget_usdc"),
        (with_parameters(profit_lock_price="0.98"), "body.action"),
        (limits(max_order_usdc=49_000_000), "body.checks.max_order_usdc"),
        (limits(max_buy_bps=9_899), "body.checks.max_buy_bps"),
    ],
)
def test_one_changed_constant_shows(lived: Path, change: Change, field: str) -> None:
    outcome = replayed(lived, change=change)
    assert not outcome.identical
    assert outcome.difference is not None
    assert field in [told.path for told in outcome.difference.fields]
    assert outcome.batch is not None
    assert outcome.batch.number == outcome.batches


def test_it_needs_no_fixed_hash_seed(lived: Path) -> None:
    program = (
        "import sys, pathlib; from polybot.bootstrap.replay.sessions import open_session; "
        "print(open_session(pathlib.Path(sys.argv[1]), 'life1').run().complete)"
    )
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program, str(lived)],
            env={"PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[4],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout == "True\n", done.stderr


def test_what_a_killed_session_did_behind_its_tape_is_no_difference(tmp_path: Path) -> None:
    trader = TapedTrader(tmp_path, tape=TapeSettings(flush_after_ns=3 * S)).live()
    for _ in range(60):
        trader.look()
    assert trader.gateway.posted
    trader.kill()
    outcome = replayed(tmp_path)
    assert (outcome.difference, outcome.stopped) == (None, "")
    assert outcome.off_tape_events + outcome.events > 0


def test_decisions_behind_the_end_of_the_tape_are_counted(tmp_path: Path) -> None:
    trader = TapedTrader(tmp_path, tape=TapeSettings(flush_after_ns=10_000 * S)).live()
    for _ in range(60):
        trader.look()
    trader.kill()
    outcome = replayed(tmp_path)
    assert outcome.complete
    assert outcome.decisions == 0
    assert outcome.off_tape_decisions >= 3


def test_the_next_life_begins_with_what_was_restored(tmp_path: Path) -> None:
    trader = TapedTrader(tmp_path).live()
    _look_until_posted(trader)
    trader.kill()
    trader.live()
    for _ in range(10):
        trader.look()
    trader.end()
    first, second = replayed(tmp_path), replayed(tmp_path, "life2")
    assert first.complete
    assert second.complete
    # The order without an answer is unknown in the second life: that was restored, not taped.
    assert second.events > 0
    changes = [e for e in trader.state.orders.values() if e.status.value == "UNKNOWN"]
    assert changes


def test_commands_between_turns_are_carried_out_again(tmp_path: Path) -> None:
    trader = TapedTrader(tmp_path).live()
    _look_until_posted(trader)
    trader.service.handle("HaltTrading", HaltTrading(source="operator", reason="a look"))
    trader.turn()
    trader.service.handle("ResumeTrading", ResumeTrading(source="operator", reason="fine"))
    command = CancelOrders(command_id="c1", source="operator", reason="enough")
    trader.service.handle("CancelOrders", command)
    trader.turn()
    trader.end()
    outcome = replayed(tmp_path)
    assert (outcome.difference, outcome.stopped) == (None, "")
    assert outcome.off_tape_events == 0


def test_a_start_without_entries_comes_out_of_the_tape_and_ends_there_too(tmp_path: Path) -> None:
    looping = msgspec.structs.replace(SETTINGS, crash_loop="3 crashes in 9 s", quiet_ns=5 * S)
    trader = TapedTrader(tmp_path, looping).live()
    assert trader.service.vitals().trading_state == "REDUCING"
    for _ in range(10):
        trader.look()
    assert trader.service.vitals().trading_state == "ACTIVE"
    _look_until_posted(trader)
    trader.end()

    outcome = replayed(tmp_path)
    assert (outcome.difference, outcome.stopped) == (None, "")
    assert outcome.complete

    def not_looping(record: SessionRecord) -> SessionRecord:
        settings = msgspec.structs.replace(record.settings, crash_loop="")
        return msgspec.structs.replace(record, settings=settings)

    assert replayed(tmp_path, change=not_looping).difference is not None


def test_errors_of_the_exchange_come_back_as_they_were(tmp_path: Path) -> None:
    trader = TapedTrader(tmp_path).live()
    slug = market_at(1).slug
    trader.catalog.known[slug] = CatalogAnswer(slug, None, error=Unavailable("restarting"))
    _look_until_posted(trader)
    (posted,) = trader.gateway.ids()
    trader.gateway.answers.append(refused(posted, Unavailable("cancel-only", status=503)))
    trader.turn()
    trader.end()
    outcome = replayed(tmp_path)
    assert (outcome.difference, outcome.stopped) == (None, "")
    assert outcome.off_tape_events == 0


def test_orders_withdrawn_after_a_long_turn_are_withdrawn_again(tmp_path: Path) -> None:
    trader = TapedTrader(tmp_path).live()
    sync = trader.journal.sync

    def slow() -> None:
        sync()
        if trader.state.orders:
            trader.clock.advance(3)

    trader.journal.sync = slow  # type: ignore[method-assign]
    for _ in range(60):
        trader.look()
        if trader.state.orders:
            break
    trader.journal.sync = sync  # type: ignore[method-assign]
    trader.turn()
    assert trader.gateway.posted == []
    trader.end()
    outcome = replayed(tmp_path)
    assert (outcome.difference, outcome.stopped) == (None, "")
    kinds = [type_of for type_of in _types(tmp_path) if type_of == OrderStatusChanged.__name__]
    assert kinds


def test_a_turn_that_failed_by_itself_fails_again(tmp_path: Path) -> None:
    trader = TapedTrader(tmp_path).live()
    trader.look()
    broken = msgspec.json.encode({"event_type": "trade", "id": "t", "maker_orders": 7})
    trader.user.put(broken)
    trader.turn()
    trader.turn()
    trader.end()
    assert replayed(tmp_path).complete


def test_a_turn_that_failed_for_a_reason_outside_ends_the_comparison(tmp_path: Path) -> None:
    trader = TapedTrader(tmp_path).live()
    trader.gateway.breaks_on = "post"
    with pytest.raises(ValueError, match="the gateway broke"):
        _look_until_posted(trader)
    trader.gateway.breaks_on = ""
    trader.turn()
    trader.end()
    outcome = replayed(tmp_path)
    assert outcome.identical
    assert not outcome.complete
    assert "failed in the session, here it did not fail" in outcome.stopped


def test_a_tape_with_a_hole_is_compared_up_to_it(tmp_path: Path) -> None:
    settings = TapeSettings(flush_after_ns=0, waiting_blocks=1)
    trader = TapedTrader(tmp_path, tape=settings).live()
    trader.look()
    blocks = trader.tape._blocks  # noqa: SLF001
    trader.tape._blocks = queue.Queue(1)  # noqa: SLF001
    trader.tape._blocks.put(None)  # noqa: SLF001
    trader.look()
    trader.tape._blocks = blocks  # noqa: SLF001
    trader.look()
    trader.end()
    outcome = replayed(tmp_path)
    assert outcome.identical
    assert not outcome.complete
    assert "inputs could not be written" in outcome.stopped


def test_an_event_that_does_not_come_any_more_shows_in_its_turn(tmp_path: Path) -> None:
    trader = TapedTrader(tmp_path).live()
    for _ in range(3):
        trader.look()
    trader.service._ledger.books.drift("by_hand", "x", "no input asked for this")  # noqa: SLF001
    trader.outbox.commit()
    trader.turn()
    trader.turn()
    trader.end()
    outcome = replayed(tmp_path)
    assert outcome.difference is not None
    assert outcome.difference.recorded is not None
    assert outcome.difference.recorded.type == "DriftFound"


def test_market_time_that_is_set_anew_is_followed(tmp_path: Path) -> None:
    trader = TapedTrader(tmp_path).live()
    trader.turn()
    trader.run_market_time(CLOSE_NS - 30 * S)
    for _ in range(5):
        trader.look()
    trader.end()
    assert replayed(tmp_path).complete


def _look_until_posted(trader: TapedTrader) -> None:
    for _ in range(60):
        trader.look()
        if trader.gateway.posted:
            break


def _types(directory: Path) -> list[str]:
    events = SessionJournal(directory, "life1", 0).events()
    types = []
    while (event := events.take()) is not None:
        types.append(event[0].type)
    return types
