"""Whatever the trader takes is written so that the same value can be read again."""

from typing import Any, get_args

import msgspec
import pytest

from polybot import errors
from polybot.domain.arming import Arming
from polybot.errors import (
    Action,
    ConfigError,
    ExchangeError,
    MarketRefused,
    NotFound,
    PolybotError,
    ProtocolError,
    RateLimited,
    StorageError,
    Unavailable,
)
from polybot.messages.lifecycle import Heartbeat
from polybot.ports import (
    AccountSnapshot,
    BookReply,
    CancelAnswer,
    CatalogAnswer,
    GatewayAnswer,
    OrderLookup,
    PostAnswer,
    StreamFrame,
)
from polybot.runtime.tape_format import BATCH_END, GAP
from polybot.services.trader import tape_records
from polybot.services.trader.tape_records import (
    BEGINS,
    KIND_NAMES,
    RETIRED,
    Account,
    ArmingLook,
    Begin,
    decode_account,
    decode_answer,
    decode_arming,
    decode_begin,
    decode_book,
    decode_bus,
    decode_catalog,
    decode_connection,
    decode_facts,
    encode_answer,
    encode_begin,
    encode_book,
    encode_connection,
    encode_value,
)
from tests.fakes import make_envelope
from tests.story import market_at, order_at
from tests.unit.services.trader.fakes_exchange import good_facts, venue_fill, venue_order

RATE = RateLimited("slow down", retry_after_s=2.5)
ANSWERS: tuple[GatewayAnswer, ...] = (
    PostAnswer("0x1", None, "matched", ("t1", "t2"), 5, 3, True),
    PostAnswer("0x1", RATE),
    CancelAnswer(("0x1",), {"0x2": "gone"}, None, ("0x1", "0x2"), True),
    CancelAnswer((), {}, Unavailable("restarting", status=425, code="restart")),
    AccountSnapshot((venue_order(order_at()),), (venue_fill(order_at()),), 7, {"1": 2}, tag="t"),
    AccountSnapshot((), (), 0, {}, NotFound("no", status=404)),
    OrderLookup("0x1", venue_order(order_at())),
    OrderLookup("0x1", None),
)


def told(error: PolybotError | None) -> tuple[Any, ...]:
    """Return all there is to an error; two errors are never equal by themselves."""
    return (type(error), str(error), vars(error) if error is not None else None)


def same(left: Any, right: Any) -> bool:
    """Compare two values whose error, if any, is compared by what it tells."""
    bare = [msgspec.structs.replace(value, error=None) for value in (left, right)]
    return bare[0] == bare[1] and told(left.error) == told(right.error)


@pytest.mark.parametrize("answer", ANSWERS)
def test_answers_of_the_exchange_come_back(answer: Any) -> None:
    assert same(decode_answer(encode_answer(answer)), answer)


def test_every_kind_of_answer_can_be_read() -> None:
    assert {kind.__name__: kind for kind in get_args(GatewayAnswer)} == tape_records._ANSWERS  # noqa: SLF001


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, PolybotError)
    ],
)
def test_every_error_comes_back_with_all_it_tells(kind: type[PolybotError]) -> None:
    error: PolybotError
    if issubclass(kind, RateLimited):
        error = kind("told", retry_after_s=1.5)
    elif issubclass(kind, ExchangeError):
        error = kind("told", status=503, code="c", action=Action.STOP, retry_after_s=1.5)
    elif issubclass(kind, MarketRefused):
        error = kind("told", code="times")
    elif issubclass(kind, ConfigError):
        error = kind(["one", "two"])
    else:
        error = kind("told")
    read = decode_catalog(encode_value(CatalogAnswer("s", None, error=error))).error
    assert told(read) == told(error)


def test_an_adapter_s_own_error_comes_back_as_what_it_is_to_us() -> None:
    class Odd(NotFound):
        """An adapter's own."""

    read = decode_catalog(encode_value(CatalogAnswer("s", None, error=Odd("no", status=404)))).error
    assert type(read) is NotFound


def test_an_error_nobody_knows_is_refused() -> None:
    data = encode_value(CatalogAnswer("s", None, error=NotFound("no")))
    with pytest.raises(ProtocolError, match="'Sorrow'"):
        decode_catalog(data.replace(b'"NotFound"', b'"Sorrow"'))


def test_books_come_back_byte_for_byte_or_as_their_error() -> None:
    book = BookReply("7", b'{"asset_id": "7"} \n')
    assert decode_book(encode_book(book)) == book
    failed = BookReply("8", error=Unavailable("restarting"))
    assert same(decode_book(encode_book(failed)), failed)


def test_connections_come_back_with_their_words() -> None:
    frame = StreamFrame("user", 9, state="disconnected: by the server: 1001", quiet_ns=7)
    assert decode_connection(encode_connection(frame), 9) == frame


def test_bus_messages_come_back_with_their_bodies() -> None:
    beat = Heartbeat(process="tracker", pid=1, last_seq=0, turns=0, progress=0, status="")
    envelope = make_envelope(beat, source="tracker", durable=False)
    assert decode_bus(msgspec.json.encode(envelope)) == (envelope, beat)


def test_what_is_read_before_a_window_comes_back() -> None:
    facts = good_facts(market_at(), skew_s=0.1 + 0.2, failures={"region": "timed out"})
    assert decode_facts(encode_value(facts)) == facts
    answer = CatalogAnswer("s", market_at(), "Up", True, None, 1, 2, True)
    assert decode_catalog(encode_value(answer)) == answer


def test_account_and_arming_come_back() -> None:
    account = Account("key", "0xa", "0xf")
    assert decode_account(encode_value(account)) == account
    arming = Arming(
        funder="0xf", signature_type=2, versions=("v1",), armed_ns=1, expires_ns=0, by="me"
    )
    assert decode_arming(encode_value(ArmingLook(arming))) == ArmingLook(arming)
    unreadable = ArmingLook(error=StorageError("no"))
    assert same(decode_arming(encode_value(unreadable)), unreadable)


@pytest.mark.parametrize(
    "begin",
    [Begin(-5, ready=True), Begin(9, ready=False, command="HaltTrading", body=b'{"a":"\\u0000"}')],
)
def test_the_begin_of_a_batch_comes_back(begin: Begin) -> None:
    assert decode_begin(encode_begin(begin)) == begin


def test_no_kind_of_record_is_used_twice() -> None:
    numbers = [
        value
        for name, value in vars(tape_records).items()
        if name.startswith("TAPE_") and isinstance(value, int)
    ]
    numbers += tape_records.TAPE_STREAMS.values()
    assert len(set(numbers)) == len(numbers)
    assert not RETIRED.intersection(numbers)
    assert not {BATCH_END, GAP}.intersection(numbers)
    assert set(KIND_NAMES) == set(numbers)
    assert set(numbers) > BEGINS


def test_other_values_are_refused() -> None:
    with pytest.raises(NotImplementedError):
        tape_records.to_plain(object())
    with pytest.raises(NotImplementedError):
        tape_records.from_plain(int, 1)
