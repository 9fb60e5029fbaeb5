"""Somebody else who trades our wallet halts trading, until a person has decided."""

import msgspec
import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import Order, OrderTrigger, OrderType, Side
from polybot.domain.trading_state import TradingState
from polybot.messages.commands import AdoptOrders, HaltTrading, OrdersAdopted, ResumeTrading
from polybot.messages.trading import DriftFound, ForeignOrdersTaken, IntentDenied
from polybot.ports import HeartbeatBroken, StreamFrame, VenueOrder
from polybot.services.trader.strangers import FOREIGN_HEARTBEAT, FOREIGN_WRITER, Strangers
from polybot.strategies.base import Decision, Intent
from tests.story import SHARES, order_at
from tests.unit.services.trader import frames
from tests.unit.services.trader.books import Books
from tests.unit.services.trader.fakes_exchange import (
    ScriptedStrategy,
    order_frame,
    venue_fill,
    venue_order,
)
from tests.unit.services.trader.whole_trader import SETTINGS, WholeTrader

FIRST, SECOND, THIRD = (f"0x{digit * 64}" for digit in "abc")


def foreign(order_id: str = FIRST) -> VenueOrder:
    return venue_order(order_at(venue_order_id=order_id))


class Case:
    """Strangers over fresh books."""

    def __init__(self, *known: str) -> None:
        self.books = Books()
        self.strangers = Strangers(self.books.keeper, self.books.claims, frozenset(known))

    def see(self, *order_ids: str) -> None:
        self.strangers.listed([foreign(order_id) for order_id in order_ids])
        self.strangers.turn()

    def adopt(self, *order_ids: str, command_id: str = "c1") -> OrdersAdopted:
        command = AdoptOrders(
            command_id=command_id, source="operator", reason="mine", order_ids=order_ids
        )
        return self.strangers.adopt(command)

    @property
    def state(self) -> TradingState:
        return self.books.claims.state

    def reasons(self) -> dict[str, str]:
        return {claim.source: claim.reason for claim in self.books.state.claims}


def test_a_listed_order_nobody_here_signed_halts_and_says_what_to_do() -> None:
    case = Case()
    case.see(FIRST)
    assert case.state is TradingState.HALTED
    said = case.reasons()[FOREIGN_WRITER]
    assert FIRST in said
    for command in ("polybot orders", "polybot adopt", "polybot resume"):
        assert command in said
    (drift,) = case.books.said(DriftFound)
    assert (drift.kind, drift.subject) == ("foreign_order", FIRST)
    assert "BUY 25 @ 0.95" in drift.detail


@pytest.mark.parametrize(
    "triggers",
    [
        (),
        (OrderTrigger.LOSE_ANSWER,),
        (OrderTrigger.PROVE_ABSENT,),
        (OrderTrigger.REJECT,),
        (OrderTrigger.ACCEPT, OrderTrigger.CANCEL),
    ],
)
def test_our_own_orders_halt_nothing_whatever_we_thought_of_them(
    triggers: tuple[OrderTrigger, ...],
) -> None:
    # The bytes of a process that died are delivered all the same: they are in its journal.
    case = Case()
    order = case.books.submit()
    for trigger in triggers:
        case.books.keeper.move(order, trigger)
    case.books.answers.stream_frame(frame_of(order, "PLACEMENT"))
    case.strangers.listed([venue_order(order)])
    case.strangers.turn()
    assert case.state is TradingState.ACTIVE
    assert case.strangers.resting == ()


def test_a_streamed_placement_nobody_here_signed_halts_too() -> None:
    case = Case()
    stranger = order_at(venue_order_id=FIRST)
    case.books.answers.stream_frame(frame_of(stranger, "PLACEMENT"))
    case.strangers.turn()
    assert case.state is TradingState.HALTED
    assert FIRST in case.reasons()[FOREIGN_WRITER]


@pytest.mark.parametrize(("kind", "asks"), [("UPDATE", True), ("CANCELLATION", False)])
def test_what_becomes_of_a_foreign_order_halts_nothing_by_itself(kind: str, asks: bool) -> None:
    case = Case()
    stranger = order_at(venue_order_id=FIRST)
    case.books.answers.stream_frame(frame_of(stranger, kind))
    case.strangers.turn()
    assert case.state is TradingState.ACTIVE
    assert case.books.answers.snapshot_wanted is asks
    assert [drift.kind for drift in case.books.said(DriftFound)] == ["foreign_order_event"]


def test_a_trade_by_hand_alone_stays_external_and_halts_nothing() -> None:
    case = Case()
    case.books.keeper.fill(venue_fill(order_at(venue_order_id=FIRST)))
    case.strangers.turn()
    assert case.state is TradingState.ACTIVE
    assert [drift.kind for drift in case.books.said(DriftFound)] == ["foreign_fill"]


def test_adopting_the_order_ends_its_halt_and_it_halts_never_again() -> None:
    case = Case()
    case.see(FIRST)
    answer = case.adopt(FIRST)
    assert answer.order_ids == (FIRST,)
    assert "ACTIVE" in answer.detail
    for _ in range(3):
        case.see(FIRST)
    assert case.state is TradingState.ACTIVE
    (taken,) = case.books.said(ForeignOrdersTaken)
    assert (taken.source, taken.reason, taken.order_ids) == ("operator", "mine", (FIRST,))


def test_a_new_foreign_order_halts_again() -> None:
    case = Case()
    case.see(FIRST)
    case.adopt(FIRST)
    case.see(FIRST, SECOND)
    assert case.state is TradingState.HALTED
    assert FIRST not in case.reasons()[FOREIGN_WRITER]
    assert SECOND in case.reasons()[FOREIGN_WRITER]


def test_while_one_of_two_waits_the_halt_stands_and_names_it() -> None:
    case = Case()
    case.see(FIRST, SECOND)
    assert "2 orders" in case.reasons()[FOREIGN_WRITER]
    (halt,) = case.books.state.claims
    case.books.clock.advance(60)
    case.adopt(FIRST)
    assert case.state is TradingState.HALTED
    assert FIRST not in case.reasons()[FOREIGN_WRITER]
    assert [claim.since_ns for claim in case.books.state.claims] == [halt.since_ns]
    case.adopt(SECOND, command_id="c2")
    assert case.state is TradingState.ACTIVE


def test_adopting_all_takes_every_one_that_waits() -> None:
    case = Case()
    case.see(FIRST, SECOND, THIRD)
    assert case.adopt().order_ids == (FIRST, SECOND, THIRD)
    assert case.state is TradingState.ACTIVE


def test_adopting_ends_no_other_halt() -> None:
    case = Case()
    case.books.claims.claim("operator", TradingState.HALTED, "strange fills")
    case.see(FIRST)
    case.adopt(FIRST)
    assert list(case.reasons()) == ["operator"]
    assert case.state is TradingState.HALTED


def test_the_beginning_of_an_id_is_enough_when_it_names_one() -> None:
    case = Case()
    case.see(FIRST, SECOND)
    assert case.adopt("0xaaaaaa").order_ids == (FIRST,)
    assert case.adopt("0xBBBBBB", command_id="c2").order_ids == (SECOND,)


@pytest.mark.parametrize("asked", ["0xdeadbeef", "0x", "0xaaa", ""])
def test_an_order_nobody_has_seen_is_not_adopted_and_nothing_else_either(asked: str) -> None:
    case = Case()
    case.see(FIRST, "0xaab" + "0" * 61)
    answer = case.adopt(FIRST, asked)
    assert (answer.order_ids, answer.unknown) == ((), (asked,))
    assert FIRST in answer.detail
    assert case.state is TradingState.HALTED


def test_our_own_order_cannot_be_adopted() -> None:
    case = Case()
    order = case.books.submit()
    assert case.adopt(order.venue_order_id).unknown == (order.venue_order_id,)


def test_a_command_that_is_repeated_is_carried_out_once() -> None:
    case = Case()
    case.see(FIRST)
    case.adopt(FIRST)
    case.see(SECOND)
    assert case.adopt().order_ids == (FIRST,)
    assert case.state is TradingState.HALTED
    assert len(case.books.said(ForeignOrdersTaken)) == 1


def test_the_doctors_own_order_is_external_and_halts_nothing() -> None:
    case = Case(FIRST)
    case.see(FIRST)
    assert case.state is TradingState.ACTIVE
    (taken,) = case.books.said(ForeignOrdersTaken)
    assert (taken.source, taken.order_ids) == ("doctor", (FIRST,))
    case.see(FIRST, SECOND)
    assert case.state is TradingState.HALTED


def test_a_foreign_heartbeat_halts_until_a_person_decides() -> None:
    case = Case()
    case.strangers.beaten(HeartbeatBroken("hb-1", "hb-x"))
    case.strangers.turn()
    assert case.state is TradingState.HALTED
    assert "hb-x" in case.reasons()[FOREIGN_HEARTBEAT]
    case.adopt()
    assert case.state is TradingState.ACTIVE
    case.strangers.beaten(HeartbeatBroken("hb-2", "hb-y"))
    assert case.state is TradingState.HALTED


def test_adopting_one_order_says_nothing_of_a_foreign_heartbeat() -> None:
    case = Case()
    case.see(FIRST)
    case.strangers.beaten(HeartbeatBroken("hb-1", "hb-x"))
    case.adopt(FIRST)
    assert list(case.reasons()) == [FOREIGN_HEARTBEAT]


def test_resting_are_the_foreign_orders_of_the_newest_listing() -> None:
    case = Case()
    order = case.books.submit()
    case.strangers.listed([foreign(FIRST), venue_order(order), foreign(SECOND)])
    assert [order.venue_order_id for order in case.strangers.resting] == [FIRST, SECOND]
    case.strangers.listed([foreign(SECOND)])
    assert [order.venue_order_id for order in case.strangers.resting] == [SECOND]


def frame_of(order: Order, kind: str) -> StreamFrame:
    return StreamFrame("user", 0, data=order_frame(order, kind))


def a_trader(**settings: object) -> WholeTrader:
    trader = WholeTrader(
        ScriptedStrategy(),
        settings=msgspec.structs.replace(SETTINGS, **settings),
    )
    return trader.ready()


def halted(trader: WholeTrader) -> bool:
    return trader.service.vitals().trading_state == "HALTED"


def sweep(trader: WholeTrader, *orders: VenueOrder) -> None:
    asked = len(trader.gateway.snapshots)
    while len(trader.gateway.snapshots) == asked:
        trader.turn()
    trader.gateway.answers.append(trader.gateway.snapshot(orders=orders))
    trader.turn()


def test_a_whole_trader_is_halted_over_restarts_and_resumed_by_a_person() -> None:
    trader = a_trader()
    sweep(trader, foreign())
    assert halted(trader)
    trader.build()
    trader.start()
    trader.turn()
    assert halted(trader)
    trader.gateway.answers.append(trader.gateway.snapshot(orders=(foreign(),)))
    trader.turn()
    assert halted(trader)
    trader.service.handle("ResumeTrading", ResumeTrading(source="operator", reason="it is mine"))
    sweep(trader, foreign())
    assert not halted(trader)
    sweep(trader, foreign(), foreign(SECOND))
    assert halted(trader)


def test_a_crash_between_the_finding_and_the_halt_halts_all_the_same() -> None:
    trader = a_trader()
    sweep(trader, foreign())
    kinds = [type(event).__name__ for _, event in trader.outbox.committed]
    cut = len(kinds) - kinds[::-1].index("DriftFound")
    assert kinds[cut] == "TradingStateChanged"
    trader.outbox.committed = trader.outbox.committed[:cut]
    trader.build()
    trader.start()
    trader.turn()
    assert halted(trader)


def test_an_adoption_is_durable_and_a_restart_halts_no_more() -> None:
    trader = a_trader()
    sweep(trader, foreign())
    command = AdoptOrders(command_id="c1", source="operator", reason="mine", order_ids=(FIRST,))
    answer = trader.service.handle("AdoptOrders", command)
    assert answer.order_ids == (FIRST,)  # type: ignore[attr-defined]
    trader.build()
    trader.ready()
    sweep(trader, foreign())
    assert not halted(trader)


def test_the_operators_own_halt_needs_resume_not_adopt() -> None:
    trader = a_trader()
    trader.service.handle("HaltTrading", HaltTrading(source="operator", reason="lunch"))
    command = AdoptOrders(command_id="c1", source="operator", reason="mine")
    trader.service.handle("AdoptOrders", command)
    assert halted(trader)


def test_the_doctors_order_of_the_settings_halts_nothing() -> None:
    trader = a_trader(own_orders=(FIRST,))
    sweep(trader, foreign())
    assert not halted(trader)


def test_a_broken_chain_of_heartbeats_halts_the_whole_trader() -> None:
    trader = a_trader()
    trader.gateway.answers.append(HeartbeatBroken("hb-1", "hb-x"))
    trader.turn()
    assert halted(trader)


def test_an_order_by_hand_is_not_crossed_and_the_money_it_holds_back_is_not_spent() -> None:
    entry = Intent(
        outcome=Outcome.UP,
        side=Side.BUY,
        order_type=OrderType.GTC,
        price_bps=9400,
        size_shares=SHARES,
        purpose="entry",
    )

    def denial(by_hand: Order) -> list[str]:
        trader = a_trader(own_orders=(by_hand.venue_order_id,))
        sweep(trader, venue_order(by_hand))
        trader.strategy.always = lambda _: Decision("enter", "entry", (entry,))  # type: ignore[attr-defined]
        trader.market.put(frames.books())
        trader.turn()
        return [denied.reason for denied in trader.outbox.events(IntentDenied)][:1]

    opposite = order_at(venue_order_id=FIRST, side=Side.SELL, price_bps=9400)
    assert denial(opposite) == ["self_cross"]
    greedy = order_at(venue_order_id=FIRST, price_bps=9300, size_shares=1_060_000_000)
    assert denial(greedy) == ["balance"]
    assert denial(order_at(venue_order_id=FIRST, price_bps=9300)) == []
