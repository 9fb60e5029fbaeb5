"""In a replay every port gives what the tape has for the batch, and sends nothing."""

import asyncio

import msgspec
import pytest

from polybot.adapters.order_signer import WalletOrderSigner
from polybot.bootstrap.replay.ports import (
    NO_SIGNATURE,
    Feed,
    RecordedKey,
    ReplayAccess,
    ReplayArming,
    ReplayBooks,
    ReplayCatalog,
    ReplayCheckpoints,
    ReplayClock,
    ReplayFence,
    ReplayInbox,
    ReplayPreflight,
    ReplayStream,
)
from polybot.bootstrap.replay.tape import Batch
from polybot.domain.order import Order
from polybot.errors import InvalidValue, StorageError
from polybot.exchange.signing import OrderSigner
from polybot.ports import (
    ArmingStore,
    BookReply,
    BookSource,
    CatalogAnswer,
    CheckpointStore,
    ExchangeAccess,
    Inbox,
    MarketCatalog,
    OrderGateway,
    Preflight,
    SignedOrder,
    Stream,
    StreamFrame,
    TurnClock,
)
from polybot.ports.fence import Fence
from polybot.runtime.tape_format import TapeFrame
from polybot.services.trader.tape_records import (
    NUMBER,
    TAPE_ACCOUNT,
    TAPE_ANSWER,
    TAPE_ARMING,
    TAPE_BOOK,
    TAPE_BUS,
    TAPE_CATALOG,
    TAPE_CLEARED,
    TAPE_CONNECTION,
    TAPE_PREFLIGHT,
    TAPE_REFUSAL,
    TAPE_STREAMS,
    TAPE_TURN,
    Account,
    ArmingLook,
    Begin,
    encode_answer,
    encode_book,
    encode_value,
)
from tests.fakes import make_envelope
from tests.story import market_at, order_at, settled
from tests.unit.ports.contract import unmet
from tests.unit.services.trader.fakes_exchange import accepted, good_facts

KEY = OrderSigner("0x" + "4c" * 32)


def batch(*frames: TapeFrame, number: int = 1, ready: bool = True) -> Batch:
    begin = Begin(200, ready=ready)
    return Batch(
        number=number,
        kind=TAPE_TURN,
        mono_ns=100,
        market_ns=0,
        begin=begin,
        frames=list(frames),
        overrun_ns=7,
    )


def loaded(*frames: TapeFrame, ready: bool = True) -> Feed:
    feed = Feed()
    feed.load(batch(*frames, ready=ready))
    return feed


def frame(kind: int, data: bytes, mono_ns: int = 5) -> TapeFrame:
    return TapeFrame(kind, mono_ns, 0, data)


def signed(signer: WalletOrderSigner, order: Order) -> SignedOrder:
    return signer.sign(order, market_at(), salt=1, timestamp_ms=2, post_only=False)


def test_they_offer_the_ports() -> None:
    feed = Feed()
    access = ReplayAccess(feed, 0, {})
    for port, adapter in (
        (TurnClock, ReplayClock(0, 0)),
        (Inbox, ReplayInbox(feed)),
        (Stream, ReplayStream("market", feed)),
        (BookSource, ReplayBooks(feed)),
        (MarketCatalog, ReplayCatalog(feed)),
        (Preflight, ReplayPreflight(feed)),
        (ArmingStore, ReplayArming(feed)),
        (CheckpointStore, ReplayCheckpoints()),
        (OrderGateway, access.gateway),
        (ExchangeAccess, access),
        (Fence, ReplayFence(feed)),
    ):
        assert unmet(port, adapter) == [], port


def test_the_clock_is_that_of_the_batch() -> None:
    clock = ReplayClock(1, 2)
    clock.begin_turn()
    assert (clock.monotonic_ns(), clock.now_ns(), clock.elapsed_ns()) == (1, 2, 0)
    clock.follow(batch())
    assert (clock.monotonic_ns(), clock.now_ns(), clock.elapsed_ns()) == (100, 200, 7)


def test_frames_and_connections_come_in_their_order_by_stream() -> None:
    feed = loaded(
        frame(TAPE_CONNECTION, b"market 0 connected", 1),
        frame(TAPE_STREAMS["market"], b"a", 2),
        frame(TAPE_STREAMS["user"], b"b", 3),
    )
    market, user = ReplayStream("market", feed), ReplayStream("user", feed)
    asyncio.run(market.start())
    market.subscribe(("x",))
    assert feed.left() == ["market stream", "user stream"]
    assert market.take() == [
        StreamFrame("market", 1, state="connected"),
        StreamFrame("market", 2, b"a"),
    ]
    assert (market.take(), market.age_s()) == ([], None)
    assert user.take() == [StreamFrame("user", 3, b"b")]
    assert feed.left() == []
    asyncio.run(market.stop())


def test_everything_else_comes_once_and_only_in_its_batch() -> None:
    envelope = make_envelope(settled(), source="tracker")
    book, answer, facts = BookReply("7", b"{}"), CatalogAnswer("w", None), good_facts(market_at())
    feed = loaded(
        frame(TAPE_BUS, msgspec.json.encode(envelope)),
        frame(TAPE_BOOK, encode_book(book)),
        frame(TAPE_CATALOG, encode_value(answer)),
        frame(TAPE_PREFLIGHT, encode_value(facts)),
        frame(TAPE_ANSWER, encode_answer(accepted("0x1"))),
    )
    gateway = ReplayAccess(feed, 0, {}).gateway
    gateway.post(SignedOrder("0x1", b""))
    ReplayCatalog(feed).request("other")
    assert ReplayInbox(feed).take() == [(envelope, settled())]
    assert ReplayBooks(feed).take() == [book]
    assert ReplayCatalog(feed).take() == [answer]
    assert ReplayPreflight(feed).take() == [facts]
    assert gateway.take() == [accepted("0x1")]
    assert gateway.take() == []
    feed.load(batch(frame(TAPE_CATALOG, encode_value(answer))))
    assert feed.left() == ["catalog"]
    feed.load(batch())
    assert (feed.left(), ReplayCatalog(feed).take()) == ([], [])


def test_the_account_lasts_until_another_is_told() -> None:
    account = Account("key", KEY.address, KEY.address)
    feed = loaded(frame(TAPE_ACCOUNT, encode_value(account)), ready=False)
    access = ReplayAccess(feed, 0, {})
    assert (access.ready(), access.api_key) == (False, "key")
    feed.load(batch())
    assert (access.ready(), access.api_key) == (True, "key")
    access.renew()
    assert access.signer is access.signer
    assert access.signer.address == KEY.address


def test_an_order_of_the_session_gets_its_recorded_signature() -> None:
    real = signed(WalletOrderSigner(KEY, funder="", signature_type=0, owner="key"), order_at())
    signature = msgspec.json.decode(real.body)["order"]["signature"]
    feed = loaded(frame(TAPE_ACCOUNT, encode_value(Account("key", KEY.address, KEY.address))))
    access = ReplayAccess(feed, 0, {real.venue_order_id: signature})
    assert signed(access.signer, order_at()) == real


def test_another_order_than_the_session_s_has_no_signature() -> None:
    feed = loaded(frame(TAPE_ACCOUNT, encode_value(Account("key", KEY.address, KEY.address))))
    other = signed(ReplayAccess(feed, 0, {}).signer, order_at(price_bps=9_400))
    assert NO_SIGNATURE.encode() in other.body


def test_what_the_key_could_not_sign_is_refused_as_then() -> None:
    wallet = WalletOrderSigner(RecordedKey("0xa", {}), funder="", signature_type=9, owner="key")
    with pytest.raises(InvalidValue, match="signature type 0, 1, 2 or 3, was 9"):
        signed(wallet, order_at())


def test_the_arming_is_the_one_seen_last() -> None:
    feed = loaded()
    arming = ReplayArming(feed)
    assert arming.read() is None
    broken = ArmingLook(error=StorageError("torn"))
    feed.load(batch(frame(TAPE_ARMING, encode_value(broken))))
    feed.load(batch())
    with pytest.raises(StorageError, match="torn"):
        arming.read()


def test_the_fence_holds_back_the_same_orders_of_the_same_batch() -> None:
    feed = loaded(frame(TAPE_REFUSAL, NUMBER.pack(1) + b"late"), frame(TAPE_CLEARED, b"0"))
    fence = ReplayFence(feed)
    assert [fence.refusal(0) for _ in range(3)] == ["", "late", ""]
    assert (fence.is_cleared(), fence.is_raised()) == (False, False)
    feed.load(batch(frame(TAPE_REFUSAL, NUMBER.pack(0) + b"late"), number=2))
    assert [fence.refusal(0), fence.refusal(0)] == ["late", ""]
    assert not fence.is_cleared()
