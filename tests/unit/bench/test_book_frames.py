from polybot.domain.market import Outcome
from polybot.ports import StreamFrame
from polybot.services.trader.market_data import MarketData
from tests.bench.book_frames import BookStream
from tests.bench.sample_market import MARKET


def test_the_frames_lead_to_the_best_prices_they_were_made_with() -> None:
    stream, data = BookStream(3), MarketData()
    data.watch([MARKET])
    data.accept(StreamFrame("market", 0, state="connected"))
    data.accept(StreamFrame("market", 0, stream.snapshots()))
    seen = set()
    for _ in range(500):
        data.accept(StreamFrame("market", 0, stream.change()))
        up, down = (data.token_view(MARKET, outcome) for outcome in Outcome)
        best = (up.bid_bps, up.ask_bps, down.bid_bps, down.ask_bps)
        assert best == tuple(cents * 100 for cents in stream.best())
        seen.add(best)
    assert len(seen) > 10
    assert data.faults == []


def test_the_same_seed_makes_the_same_frames() -> None:
    one, other, third = BookStream(1), BookStream(1), BookStream(2)
    assert [one.change() for _ in range(20)] == [other.change() for _ in range(20)]
    assert BookStream(1).change() != third.change()
