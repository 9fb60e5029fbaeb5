"""A whole trader keeps out of windows that it must not enter, and says why."""

import msgspec
import pytest

from polybot.domain.trading_state import OPERATOR
from polybot.errors import MarketRefused
from polybot.exchange import error_texts as texts
from polybot.exchange.classify import classify
from polybot.exchange.meanings import ADVICE
from polybot.messages.commands import ResumeTrading
from polybot.messages.trading import BookDistrusted, IntentDenied
from polybot.ports import CatalogAnswer
from polybot.strategies.base import Decision, View
from tests.story import market_at
from tests.unit.services.trader import frames
from tests.unit.services.trader.fakes_exchange import HOLD, ScriptedStrategy, refused
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


def test_a_book_that_crosses_is_dropped_by_name_and_never_gets_an_order(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def enters_on_a_book(view: View) -> Decision:
        seen = view.up.bid_bps is not None and view.up.ask_bps is not None
        return Decision("enter", "entry", (ENTRY,)) if seen and not view.orders else HOLD

    trader = WholeTrader(ScriptedStrategy(enters_on_a_book)).ready()
    for crossed in (
        frames.books(bids=(("0.96", "10"),), asks=(("0.95", "10"),)),
        frames.books(bids=(("0.95", "10"),), asks=(("0.95", "10"),)),
    ):
        trader.market.put(crossed)
        for _ in range(3):
            trader.turn()
    assert trader.strategy.views
    assert trader.gateway.posted == []
    assert {said.fault for said in trader.outbox.events(BookDistrusted)} == {"crossed"}
    assert "not trading on a book, fetching it anew" in caplog.text
    trader.market.put(frames.books())
    trader.turn()
    assert len(trader.gateway.posted) == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (texts.ORDER_VERSION_MISMATCH, "order_version"),
        (texts.INVALID_SIGNATURE, "invalid_signature"),
        (texts.INVALID_ORDER_PAYLOAD, "invalid_payload"),
        (texts.WRONG_OWNER, "wrong_owner"),
        (texts.WRONG_SIGNER, "wrong_signer"),
        (texts.MAKER_NOT_ALLOWED, "maker_not_allowed"),
        (texts.address_banned("0x1"), "banned"),
    ],
)
def test_what_only_a_person_mends_holds_over_a_restart_until_a_person_resumes(
    text: str, code: str
) -> None:
    trader = WholeTrader(ScriptedStrategy(enters_once)).ready()
    trader.market.put(frames.books())
    trader.turn()
    (order_id,) = trader.gateway.ids()
    error = classify(400, msgspec.json.encode({"error": text}))
    trader.gateway.answers.append(refused(order_id, error))
    trader.strategy.always = lambda _: Decision("enter", "entry", (ENTRY,))
    for _ in range(2):
        for _ in range(5):
            trader.turn()
        assert trader.gateway.ids() == [order_id]
        assert f"REDUCING: {ADVICE[code]}" in trader.service.status()
        trader.build()
        trader.ready()
        trader.market.put(frames.books())
    resume = ResumeTrading(source=OPERATOR, reason="mended")
    trader.service.handle("ResumeTrading", resume)
    for _ in range(3):
        trader.turn()
    assert len(trader.gateway.posted) == 2


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
