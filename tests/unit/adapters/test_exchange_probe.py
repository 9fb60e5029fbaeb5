"""The exchange's public routes as a person's checks read them."""

from decimal import Decimal

import pytest

from polybot.adapters.exchange_probe import ExchangeProbe, read_place
from polybot.errors import (
    ExchangeError,
    NotFound,
    OutcomeUnknown,
    PolybotError,
    ProtocolError,
    Unavailable,
)
from polybot.exchange.http_calls import HttpAnswer, HttpCall
from tests.fakes import FakeClock


def probe(body: bytes, status: int = 200, *, clock: FakeClock | None = None) -> ExchangeProbe:
    return ExchangeProbe(lambda _: HttpAnswer(status, body), clock or FakeClock())


def test_the_version_is_read() -> None:
    assert probe(b'{"version":2}').version() == 2


def test_the_clock_is_compared_in_the_middle_of_the_question() -> None:
    clock = FakeClock(now_ns=1_000_500_000_000)

    def slow(call: HttpCall) -> HttpAnswer:
        assert call.path == "/time"
        clock.advance(2)
        return HttpAnswer(200, b"1001")

    # Asked at 1000.5, answered at 1002.5 with 1001 (1001.5 on average, a second ago).
    assert ExchangeProbe(slow, clock).skew_s() == pytest.approx(0.0)


def test_a_clock_a_minute_ahead_shows() -> None:
    clock = FakeClock(now_ns=1_060_500_000_000)
    assert probe(b"1000\n", clock=clock).skew_s() == pytest.approx(60.0)


@pytest.mark.parametrize("body", [b"<html>", b"", b"-5", b"soon"])
def test_a_time_that_is_none_is_an_error(body: bytes) -> None:
    with pytest.raises(OutcomeUnknown, match="expected the time"):
        probe(body).skew_s()


def test_fees_are_read_exactly() -> None:
    market = b'{"t":[],"mts":0.01,"fd":{"r":0.07,"e":1,"to":true}}'
    assert probe(market).fees("0xc") == (Decimal("0.07"), Decimal(1))
    assert probe(b'{"t":[],"mts":0.01}').fees("0xc") == (Decimal(0), Decimal(1))


def test_a_book_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound):
        probe(b'{"error":"No orderbook exists"}', 404).book("1")


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"<html>Cloudflare</html>", 502, ExchangeError),
        (b"<html>ok</html>", 200, ProtocolError),
        (b"{}", 200, ProtocolError),
    ],
)
def test_html_and_other_bodies_are_typed_errors(
    body: bytes, status: int, error: type[PolybotError]
) -> None:
    with pytest.raises(error):
        probe(body, status).version()


def test_no_answer_is_the_transports_error() -> None:
    silent = ExchangeProbe(lambda _: HttpAnswer(None, error=Unavailable("no")), FakeClock())
    with pytest.raises(Unavailable):
        silent.version()


def test_a_place_is_read_and_what_is_none_is_an_error() -> None:
    assert read_place(HttpAnswer(200, b'{"blocked":true,"country":"GB"}')).blocked
    assert read_place(HttpAnswer(200, b'{"blocked":false}')).country == "?"
    for body in (b"<html>", b"[]", b"{}"):
        with pytest.raises(OutcomeUnknown, match="geoblock"):
            read_place(HttpAnswer(200, body))
