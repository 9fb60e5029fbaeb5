"""Windows in Gamma's words, as a careful client reads them."""

from decimal import Decimal

import msgspec

from polybot.domain.market import Market, Outcome, SettlementRule
from polybot.exchange.wire_codec import decode, encode
from polybot.exchange.wire_gamma import GammaEvent
from polybot.simulator.books.accounts import WindowRow
from polybot.simulator.engine.window_book import WindowBook
from polybot.simulator.views.gamma import gamma_event, gamma_market, iso_time, question
from tests.unit.simulator.samples import BIDS, MARKET, S


def row(market: Market = MARKET) -> WindowRow:
    return WindowRow(number=7, market=market, unknown_depth_shares=0, listed_ns=market.open_ns)


def test_an_open_window_reads_back_as_its_market() -> None:
    market = msgspec.structs.replace(MARKET, rule=SettlementRule.TWAP, twap_lookback_s=60)
    event = decode(encode(gamma_event(row(market), None)), GammaEvent)
    (listed,) = event.markets
    assert listed.outcome_names() == ["Up", "Down"]
    assert listed.tradable_ids() == [MARKET.token_up, MARKET.token_down]
    assert listed.winner() is None
    assert (listed.closed, listed.accepting_orders) == (False, True)
    assert listed.event_start_time == iso_time(MARKET.open_ns) == "2027-01-15T08:00:00Z"
    assert listed.end_date == "2027-01-15T08:05:00Z"
    assert listed.fee_schedule is not None
    assert listed.fee_schedule.rate == Decimal("0.07")
    assert listed.crypto_market_config is not None
    assert listed.crypto_market_config.twap_lookback_seconds == 60
    assert listed.resolution_source == "https://data.chain.link/streams/btc-usd-twap-60s-streams"
    assert event.event_metadata is not None
    assert event.event_metadata.price_to_beat is None


def test_a_resolved_window_names_its_winner_and_its_prices() -> None:
    window = row()
    window.closed_ns = MARKET.close_ns
    assert gamma_market(window, None).closed is False
    window.resolved_ns = MARKET.close_ns + 30 * S
    window.outcome = Outcome.DOWN
    window.strike_e8, window.close_e8 = 70_000 * 10**8, 6_999_950_000_000
    event = gamma_event(window, None)
    assert event.closed
    assert event.markets[0].winner() == "Down"
    assert event.markets[0].uma_resolution_status == "resolved"
    assert event.event_metadata is not None
    assert event.event_metadata.price_to_beat == 70_000
    assert event.event_metadata.final_price == Decimal("69999.5")


def test_prices_are_those_of_the_book() -> None:
    window = row()
    book = WindowBook(window)
    book.set_book(BIDS, ((5200, 1),))
    market = gamma_market(window, book)
    assert (market.best_bid, market.best_ask) == (Decimal("0.5"), Decimal("0.52"))
    assert market.outcome_prices == '["0.51", "0.49"]'
    assert market.last_trade_price is None


def test_a_rule_nobody_knows_names_no_source() -> None:
    market = gamma_market(row(), None)
    assert market.resolution_source is None
    assert market.crypto_market_config is None
    assert question(MARKET) == "Bitcoin Up or Down - January 15, 08:00-08:05 UTC"
    instant = msgspec.structs.replace(MARKET, rule=SettlementRule.INSTANT)
    assert gamma_market(row(instant), None).resolution_source == (
        "https://data.chain.link/streams/btc-usd"
    )
