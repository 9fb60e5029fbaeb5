"""A gap begins with the last thing that came and ends with the connection that follows."""

from polybot.messages.trading import FeedGap, FeedStateChanged
from polybot.ports import StreamFrame
from polybot.services.trader.feed_gaps import FeedGaps
from tests.unit.services.trader.books import Books

S = 1_000_000_000


class Case:
    """Gaps over fake clocks; market time runs four times as fast as the wall's."""

    def __init__(self) -> None:
        self.books = Books()
        self.clock = self.books.market_clock
        self.clock.pace = 4.0
        self.gaps = FeedGaps(self.books.keeper, self.clock)

    def say(self, state: str, stream: str = "market", quiet_s: float = 0) -> None:
        self.gaps.note(StreamFrame(stream, 0, state=state, quiet_ns=int(quiet_s * S)))


def test_a_gap_counts_from_the_last_thing_that_came() -> None:
    case = Case()
    case.say("connected")
    lost_ns = case.clock.market_ns
    case.say("stale: no data for 30 s", quiet_s=30)
    case.clock.advance(5)
    case.say("connected")
    assert case.books.said(FeedGap) == [
        FeedGap(
            stream="market",
            began_ns=lost_ns - 120 * S,
            ended_ns=lost_ns + 5 * S,
            why="stale: no data for 30 s",
        )
    ]
    assert case.gaps.describe() == "1 gaps, the last of the market stream: 31.2 s"


def test_a_first_connection_ends_no_gap_but_is_an_event() -> None:
    case = Case()
    case.say("disconnected: refused")
    case.say("connected")
    assert case.books.said(FeedGap) == []
    assert [e.connected for e in case.books.said(FeedStateChanged)] == [False, True]
    assert case.gaps.describe() == ""


def test_a_gap_lasts_from_the_first_loss_to_the_connection_that_follows() -> None:
    case = Case()
    case.say("connected")
    began_ns = case.clock.market_ns
    for _ in range(3):
        case.say("disconnected: closed")
        case.clock.advance(1)
    assert "market stream away for 0.8 s (disconnected: closed)" in case.gaps.describe()
    case.say("connected")
    (gap,) = case.books.said(FeedGap)
    assert gap.began_ns == began_ns


def test_streams_have_gaps_of_their_own() -> None:
    case = Case()
    for stream in ("market", "user"):
        case.say("connected", stream)
    case.say("disconnected: closed", "user")
    case.say("connected", "market")
    assert case.books.said(FeedGap) == []
    assert case.gaps.is_connected("market")
    assert not case.gaps.is_connected("user")


def test_data_says_nothing_of_a_connection() -> None:
    case = Case()
    case.gaps.note(StreamFrame("market", 0, data=b"{}"))
    assert case.books.said(FeedStateChanged) == []
