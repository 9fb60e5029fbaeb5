"""A whole trader keeps out of windows that it must not enter, and says why."""

from polybot.errors import MarketRefused
from polybot.exchange.classify import classify
from polybot.messages.trading import IntentDenied
from polybot.ports import CatalogAnswer
from polybot.strategies.base import Decision
from tests.story import market_at
from tests.unit.services.trader import frames
from tests.unit.services.trader.fakes_exchange import ScriptedStrategy, refused
from tests.unit.services.trader.test_service import ENTRY, enters_once
from tests.unit.services.trader.whole_trader import WholeTrader


def test_a_window_with_an_objection_is_watched_and_not_entered_and_status_says_why() -> None:
    trader = WholeTrader(ScriptedStrategy(enters_once))
    trader.preflight.changes = {"closed_only": None, "skew_s": 61.0}
    trader.ready()
    trader.market.put(frames.books())
    trader.turn()
    assert trader.gateway.posted == []
    (denied,) = trader.outbox.events(IntentDenied)
    assert denied.reason == "exchange_waits"
    assert "clock" in denied.checks["waits_for"]
    assert "no entries in" in trader.service.status()
    trader.preflight.changes = {}
    for _ in range(7):
        trader.turn()
    assert len(trader.gateway.posted) == 1
    assert "no entries" not in trader.service.status()


def test_a_window_that_is_refused_gets_no_order_and_status_says_why() -> None:
    trader = WholeTrader(ScriptedStrategy(enters_once))
    slug = market_at().slug
    refusal = MarketRefused(f"{slug}: expected market version v1 or v2, was v9", code="version")
    trader.catalog.known[slug] = CatalogAnswer(slug, None, error=refusal)
    trader.ready()
    trader.market.put(frames.books())
    for _ in range(5):
        trader.turn()
    assert trader.strategy.views == []
    assert trader.gateway.posted == []
    assert "was v9" in trader.service.status()


def test_a_refused_order_pauses_entries_until_the_exchange_is_ready() -> None:
    trader = WholeTrader(ScriptedStrategy(enters_once)).ready()
    trader.market.put(frames.books())
    trader.turn()
    (order_id,) = trader.gateway.ids()
    error = classify(425, b'{"error":"the matching engine is restarting"}', retry_after="10")
    trader.gateway.answers.append(refused(order_id, error))
    # The answer finds the strategy without a live order: it would enter again at once.
    trader.strategy.always = lambda _: Decision("enter", "entry", (ENTRY,))
    for _ in range(9):
        trader.turn()
    assert len(trader.gateway.posted) == 1
    for _ in range(3):
        trader.turn()
    assert len(trader.gateway.posted) == 2
