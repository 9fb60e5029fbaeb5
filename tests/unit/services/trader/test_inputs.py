"""The turn's inputs are taken in order and taped exactly as they are consumed."""

import msgspec

from polybot.errors import Unavailable
from polybot.messages.lifecycle import Heartbeat
from polybot.ports import BookReply
from polybot.services.trader.inputs import Inputs
from polybot.services.trader.tape_records import (
    TAPE_ANSWER,
    TAPE_BOOK,
    TAPE_BUS,
    TAPE_CONNECTION,
    TAPE_STREAMS,
    decode_answer,
    decode_book,
)
from tests.fakes import FakeClock, FakeInbox, FakeMarketClock
from tests.story import settled
from tests.unit.services.trader.fakes_exchange import (
    FakeAccess,
    FakeBookSource,
    FakeStream,
    FakeTape,
    accepted,
)


class Case:
    """Inputs whose every port is a fake."""

    def __init__(self) -> None:
        self.inbox, self.access, self.tape = FakeInbox(), FakeAccess(), FakeTape()
        self.market, self.user, self.price = map(FakeStream, ("market", "user", "price"))
        self.binance, self.book_source = FakeStream("binance"), FakeBookSource()
        self.inputs = Inputs(
            inbox=self.inbox,
            access=self.access,
            market=self.market,
            user=self.user,
            prices=(self.price, self.binance),
            book_source=self.book_source,
            tape=self.tape,
            clock=FakeClock(),
            market_clock=FakeMarketClock(),
        )


def test_frames_are_taped_byte_for_byte_under_their_stream() -> None:
    case = Case()
    for stream in (case.market, case.user, case.price, case.binance):
        stream.put(f"frame of {stream.name}".encode())
        assert [f.data for f in case.inputs.frames(stream)] == [f"frame of {stream.name}".encode()]
    assert case.tape.taped == [
        (TAPE_STREAMS[name], f"frame of {name}".encode())
        for name in ("market", "user", "price", "binance")
    ]


def test_a_change_of_a_connection_is_taped_as_such() -> None:
    case = Case()
    case.user.disconnect()
    case.inputs.frames(case.user)
    assert case.tape.taped == [(TAPE_CONNECTION, b"user 0 disconnected: closed")]


def test_bus_messages_are_taped_whole() -> None:
    case = Case()
    envelope = case.inbox.put(settled(), source="tracker")
    case.inbox.put_volatile(
        Heartbeat(process="a", pid=1, last_seq=0, turns=0, progress=0, status="")
    )
    assert [e.type for e, _ in case.inputs.bus()] == ["WindowSettled", "Heartbeat"]
    assert case.tape.taped[0] == (TAPE_BUS, msgspec.json.encode(envelope))
    assert len(case.tape.taped) == 2


def test_answers_are_taken_only_while_the_account_is_known() -> None:
    case = Case()
    case.access.gateway.answers = [accepted("0x1")]
    case.access.is_ready = False
    assert case.inputs.answers() == []
    case.access.is_ready = True
    assert case.inputs.answers() == [accepted("0x1")]
    ((kind, data),) = case.tape.taped
    assert (kind, decode_answer(data)) == (TAPE_ANSWER, accepted("0x1"))


def test_books_that_were_asked_for_are_taped_with_their_token() -> None:
    case = Case()
    replies = [BookReply("7", b"{book}"), BookReply("8", error=Unavailable("restarting"))]
    case.book_source.replies = list(replies)
    assert case.inputs.book_replies() == replies
    assert [kind for kind, _ in case.tape.taped] == [TAPE_BOOK, TAPE_BOOK]
    read = [decode_book(data) for _, data in case.tape.taped]
    assert read[0] == replies[0]
    assert (read[1].token_id, str(read[1].error)) == ("8", "restarting")
    assert case.inputs.book_replies() == []
