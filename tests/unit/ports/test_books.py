from polybot.adapters.rest_books import RestBooks
from polybot.exchange.http_calls import HttpAnswer
from polybot.ports import BookReply, BookSource
from tests.unit.adapters.test_rest_books import Canned
from tests.unit.services.trader.fakes_exchange import FakeBookSource


def test_the_adapter_and_the_fake_are_sources_of_books() -> None:
    sources: list[BookSource] = [
        RestBooks(Canned(HttpAnswer(200, b"{}")), wake=lambda: None),
        FakeBookSource(),
    ]
    for source in sources:
        source.request("7")
        assert all(reply == BookReply("7", b"{}") for reply in source.take())
