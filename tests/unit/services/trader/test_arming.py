"""Without a person's leave in force the trader only reduces; every change is told once."""

import asyncio
from typing import Any

import msgspec

from polybot.domain.arming import DAY_NS, HOUR_NS, Arming
from polybot.domain.trading_state import OPERATOR, TradingState
from polybot.errors import StorageError
from polybot.messages.commands import CheckArming
from polybot.messages.safety import ArmingChanged
from polybot.services.trader.arming import ARMING, LOOK_NS, ArmingWatch, NoLeaveNeeded
from polybot.services.trader.state import TraderState
from tests.unit.services.trader import frames
from tests.unit.services.trader.books import Books
from tests.unit.services.trader.fakes_exchange import ScriptedStrategy
from tests.unit.services.trader.test_service import enters_once
from tests.unit.services.trader.whole_trader import SETTINGS, WholeTrader

FUNDER = "0xabc"


class Store:
    """An arming that a test gives and takes."""

    def __init__(self, arming: Arming | None = None) -> None:
        self.arming = arming
        self.error: StorageError | None = None
        self.reads = 0

    def read(self) -> Arming | None:
        self.reads += 1
        if self.error is not None:
            raise self.error
        return self.arming


def armed(books: Books, **changes: Any) -> Arming:
    now_ns = books.clock.now_ns()
    values: dict[str, Any] = {
        "funder": FUNDER,
        "signature_type": 3,
        "versions": ("v1",),
        "armed_ns": now_ns,
        "expires_ns": now_ns + DAY_NS,
        "by": "me",
    }
    return Arming(**(values | changes))


def watch(books: Books, store: Store) -> ArmingWatch:
    return ArmingWatch(
        store, books.keeper, books.claims, books.clock, funder=FUNDER, signature_type=3
    )


def told(books: Books) -> list[tuple[str, int]]:
    return [(event.state, event.warnings) for event in books.said(ArmingChanged)]


def test_without_an_arming_the_trader_only_reduces() -> None:
    books = Books()
    watch(books, Store()).look_now()
    assert books.claims.describe() == "REDUCING: not armed; run: polybot arm"
    assert told(books) == [("not_armed", 0)]


def test_an_arming_is_noticed_within_a_second_and_so_is_its_end() -> None:
    books, store = Books(), Store()
    leave = watch(books, store)
    leave.turn(0, ())
    store.arming = armed(books)
    leave.turn(LOOK_NS - 1, ())
    assert books.claims.is_claimed_by(ARMING)
    leave.turn(LOOK_NS, ())
    assert books.claims.state is TradingState.ACTIVE
    store.arming = None
    leave.turn(2 * LOOK_NS, ())
    assert books.claims.state is TradingState.REDUCING
    assert told(books) == [("not_armed", 0), ("armed", 0), ("not_armed", 0)]
    assert LOOK_NS <= 1_000_000_000


def test_it_warns_twice_and_reduces_at_its_end() -> None:
    books = Books()
    store = Store(armed(books))
    leave = watch(books, store)
    leave.look_now()
    for seconds in (DAY_NS - DAY_NS // 10, DAY_NS // 10 - HOUR_NS, HOUR_NS - 1_000_000_000):
        books.clock.advance(seconds / 1e9)
        leave.look_now()
        leave.look_now()
        assert not books.claims.is_claimed_by(ARMING)
    books.clock.advance(1)
    leave.look_now()
    assert books.claims.describe() == "REDUCING: the arming has expired; run: polybot arm"
    assert told(books) == [("armed", 0), ("expiring", 1), ("expiring", 2), ("expired", 2)]


def test_an_arming_seen_at_its_end_stays_ended_when_the_clock_goes_back() -> None:
    books = Books()
    store = Store(armed(books, expires_ns=books.clock.now_ns() + HOUR_NS * 3 // 2))
    leave = watch(books, store)
    leave.look_now()
    books.clock.advance(1.5 * 3600)
    leave.look_now()
    books.clock.advance(-3600)
    for each in (leave, watch(books, store)):
        each.look_now()
        assert "clock was set back" in books.claims.describe()
        assert books.claims.state is TradingState.REDUCING
    assert [state for state, _ in told(books)] == ["armed", "expired"]
    store.arming = armed(books)
    leave.look_now()
    assert books.claims.state is TradingState.ACTIVE


def test_a_market_of_another_protocol_is_judged_at_its_first_turn() -> None:
    books = Books()
    leave = watch(books, Store(armed(books)))
    leave.turn(0, {"v1"})
    assert not books.claims.is_claimed_by(ARMING)
    leave.turn(1, {"v2", "v1"})
    assert "protocol v2" in books.claims.describe()


def test_a_restart_knows_the_original_times_and_tells_nothing_twice() -> None:
    books = Books()
    store = Store(armed(books))
    watch(books, store).look_now()
    first = books.state.arming
    books.clock.advance(3600)
    restored = TraderState.from_snapshot(books.state.to_snapshot({}))
    assert restored.arming == first
    watch(books, store).look_now()
    assert told(books) == [("armed", 0)]
    assert first is not None
    assert first.expires_ns - first.armed_ns == DAY_NS


def test_the_operators_resume_does_not_arm() -> None:
    books = Books()
    watch(books, Store()).look_now()
    books.claims.clear(OPERATOR)
    assert books.claims.state is TradingState.REDUCING


def test_another_wallets_arming_is_refused_with_its_reason() -> None:
    books = Books()
    watch(books, Store(armed(books, funder="0xdef"))).look_now()
    assert "armed for the wallet 0xdef" in books.claims.describe()


def test_a_key_changed_after_arming_only_reduces() -> None:
    books = Books()
    leave = watch(books, Store(armed(books)))
    leave.wallet_problem = "the wallet is not one of the key; run: polybot init"
    assert leave.look_now() == leave.wallet_problem
    assert books.claims.describe() == f"REDUCING: {leave.wallet_problem}"


def test_an_unreadable_arming_is_none() -> None:
    books, store = Books(), Store(armed(books=Books()))
    store.error = StorageError("expected a readable arming.json, was not")
    watch(books, store).look_now()
    assert books.claims.describe().startswith("REDUCING: expected a readable")


def test_a_market_of_a_protocol_nobody_tried_stops_entries() -> None:
    books = Books()
    leave = watch(books, Store(armed(books)))
    leave.turn(0, {"v1"})
    assert books.claims.state is TradingState.ACTIVE
    leave.turn(LOOK_NS, {"v1", "v2"})
    assert "protocol v2" in books.claims.describe()
    leave.turn(2 * LOOK_NS, {"v1"})
    assert books.claims.state is TradingState.ACTIVE


def test_a_simulated_exchange_needs_no_leave() -> None:
    leave = NoLeaveNeeded()
    leave.turn(0, {"v9"})
    assert "changes nothing" in leave.look_now()


def test_a_trader_without_an_arming_store_answers_the_command_and_trades() -> None:
    trader = WholeTrader()
    trader.start()
    done = trader.service.handle("CheckArming", CheckArming())
    assert "changes nothing" in done.detail  # type: ignore[attr-defined]
    assert not any(claim.source == ARMING for claim in trader.state.claims)


def live_trader(store: Store) -> WholeTrader:
    return WholeTrader(
        ScriptedStrategy(enters_once),
        settings=msgspec.structs.replace(SETTINGS, funder=FUNDER, signature_type=3),
        arming=store,
    )


def test_an_unarmed_trader_sends_nothing_new_until_it_is_armed_and_a_crash_changes_nothing() -> (
    None
):
    store = Store()
    trader = live_trader(store)
    asyncio.run(trader.service.start())
    # Before the first turn, so that no decision can come earlier.
    assert any(claim.source == ARMING for claim in trader.state.claims)
    trader = live_trader(store).ready()
    trader.market.put(frames.books())
    trader.turn()
    trader.turn()
    assert trader.gateway.posted == []
    store.arming = Arming(
        funder=FUNDER,
        signature_type=3,
        versions=("v1",),
        armed_ns=trader.clock.now_ns(),
        expires_ns=trader.clock.now_ns() + DAY_NS,
        by="me",
    )
    trader.turn()
    trader.turn()
    assert len(trader.gateway.posted) == 1
    trader.build()
    trader.start()
    assert not any(claim.source == ARMING for claim in trader.state.claims)
    assert trader.state.arming is not None
    assert trader.state.arming.expires_ns == store.arming.expires_ns
