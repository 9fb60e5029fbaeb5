"""A window that was resolved 50/50 is left to a person: no entries, nothing lost, nothing sold."""

from polybot.domain.trading_state import OPERATOR
from polybot.messages.commands import ResumeTrading
from polybot.messages.tracking import WindowSplit
from polybot.messages.trading import AgentResult, SeriesResumed, SeriesStopped
from tests.story import CLOSE_NS
from tests.unit.services.trader.fakes_exchange import accepted, trade_frame
from tests.unit.services.trader.test_service import trading
from tests.unit.services.trader.whole_trader import S


def test_a_split_window_stops_its_series_until_the_operator_resumes() -> None:
    trader = trading()
    trader.turn()
    order = next(iter(trader.state.orders.values()))
    trader.gateway.answers.append(accepted(order.venue_order_id))
    trader.user.put(trade_frame(order, status="CONFIRMED"))
    while trader.market_clock.market_ns < CLOSE_NS + 5 * S:
        trader.turn()
    held = dict(trader.state.positions)
    split = WindowSplit(slug=order.slug, condition_id="0xc000", source="gamma")
    for _ in range(2):
        trader.inbox.put(split, source="tracker")
        trader.turn()
    (stopped,) = trader.outbox.events(SeriesStopped)
    assert (stopped.series, stopped.slug) == ("btc-updown-5m", order.slug)
    assert trader.state.positions == held
    assert trader.outbox.events(AgentResult) == []
    # It is still so after a restart, and the status says it.
    trader.build()
    trader.ready()
    assert "resolved 50/50: redeem it, then polybot resume" in trader.service.status()
    trader.service.handle("ResumeTrading", ResumeTrading(source=OPERATOR, reason="redeemed"))
    assert [event.series for event in trader.outbox.events(SeriesResumed)] == ["btc-updown-5m"]
    assert "resolved 50/50" not in trader.service.status()
    trader.inbox.put(split, source="tracker")
    trader.turn()
    assert len(trader.outbox.events(SeriesStopped)) == 1
