"""The real hosts behind the doctor's questions, played by a small server."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from polybot.bootstrap import surroundings
from polybot.bootstrap.surroundings import RealSurroundings, first_frame_s
from polybot.errors import ExchangeError, OutcomeUnknown, PolybotError, Unavailable
from polybot.exchange.l2_auth import ApiCredentials
from polybot.ports import StreamFrame
from tests.http_stub import StubRequest, StubServer
from tests.unit.bootstrap.one_process import configured

KEY = "0x" + "22" * 32


@pytest.fixture
def server() -> Iterator[StubServer]:
    made = StubServer(lambda _: (404, {"error": "none"}))
    yield made
    made.close()


@pytest.fixture
def asked(tmp_path: Path, runtime_dir: Path, server: StubServer) -> Iterator[RealSurroundings]:
    urls = {
        f"POLYBOT__EXCHANGE__{name}_URL": f"{server.url}{path}"
        for name, path in (
            ("CLOB", ""),
            ("GAMMA", ""),
            ("DATA", ""),
            ("GEOBLOCK", "/api/geoblock"),
            ("RPC", "/rpc/key"),
        )
    }
    streams = {
        f"POLYBOT__EXCHANGE__WS_{name}_URL": server.url.replace("http", "ws", 1)
        for name in ("MARKET", "USER")
    }
    loaded = configured(
        tmp_path,
        runtime_dir,
        POLYBOT__MODE="live",
        POLYMARKET_PRIVATE_KEY=KEY,
        POLYBOT__EXCHANGE__TIMEOUT_S="2",
        **urls,
        **streams,
    )
    made = RealSurroundings(
        loaded=loaded, private_key=KEY, address="0xabc", signature_type=0, credentials=None
    )
    yield made
    made.close()


def test_each_question_goes_to_its_host_and_path(
    asked: RealSurroundings, server: StubServer
) -> None:
    answers: dict[str, Any] = {
        "GET /version": {"version": 2},
        "GET /api/geoblock": {"blocked": False, "country": "IE"},
        "POST /rpc/key": {"result": "0x10"},
    }

    def answer(request: StubRequest) -> tuple[int, Any]:
        return 200, answers[f"{request.method} {request.path}"]

    server.answer = answer
    assert asked.version() == 2
    assert asked.place().country == "IE"
    assert asked.gas_wei() == 16
    assert all("polybot/" in request.headers["user-agent"] for request in server.requests)


def test_the_current_and_the_next_window_of_each_series_are_asked_for_once(
    asked: RealSurroundings, server: StubServer
) -> None:
    listed, upcoming = asked.listed(), asked.upcoming()
    assert [answer.market for answer in (*listed, *upcoming)] == [None] * 4
    assert len(server.requests) == 4
    for now, later in zip(listed, upcoming, strict=True):
        series, _, start = now.slug.rpartition("-")
        minutes = 5 if "5m" in series and "15m" not in series else 15
        assert later.slug == f"{series}-{int(start) + minutes * 60}"


def test_only_buys_reserve_dollars(asked: RealSurroundings, server: StubServer) -> None:
    asked.wallet().use(ApiCredentials(api_key="k", secret="c2VjcmV0", passphrase="p"))
    rows = [
        {"side": "BUY", "price": "0.50", "original_size": "10", "size_matched": "4"},
        {"side": "BUY", "price": "0.01", "original_size": "5", "size_matched": ""},
        {"side": "SELL", "price": "0.99", "original_size": "25", "size_matched": "0"},
    ]
    server.answer = lambda _: (200, {"next_cursor": "LTE=", "data": rows})
    assert asked.reserved_usdc() == 3_000_000 + 50_000
    rows.append({"side": "BUY"})
    with pytest.raises(OutcomeUnknown, match="price"):
        asked.reserved_usdc()


def test_without_a_database_nothing_waits_for_its_dollars(asked: RealSurroundings) -> None:
    assert asked.unredeemed() == ()


class Stream:
    """A stream whose frames a test prepares."""

    name = "price"

    def __init__(self, *frames: StreamFrame) -> None:
        self.frames = list(frames)
        self.subjects: tuple[str, ...] = ()
        self.stopped = False

    def subscribe(self, subjects: Any) -> None:
        self.subjects = tuple(subjects)

    async def start(self) -> None:
        """Do nothing."""

    def take(self) -> list[StreamFrame]:
        taken, self.frames = self.frames[:1], self.frames[1:]
        return taken

    async def stop(self) -> None:
        self.stopped = True


def frame(data: bytes = b"", state: str = "") -> StreamFrame:
    return StreamFrame("price", 0, data=data, state=state)


def first(stream: Any, *subjects: str) -> float:
    return asyncio.run(first_frame_s(stream, subjects))


def test_a_login_is_no_price_yet() -> None:
    stream = Stream(
        frame(state="connected"), frame(b'{"op": "authed"}'), frame(b'{"channel":"price.crypto"}')
    )
    assert first(stream, "btcusd") < 5
    assert stream.frames == []
    assert stream.stopped


def test_a_refusal_is_told_in_its_words() -> None:
    with pytest.raises(ExchangeError, match="unauthorized"):
        first(Stream(frame(b'{"op":"error","error":"unauthorized"}')), "btcusd")


def test_a_login_without_subjects_has_to_hold() -> None:
    assert first(Stream(frame(state="connected"))) < 5


def test_silence_is_an_error_with_the_last_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "FRAME_S", 0.1)
    stream = Stream(frame(state="connected"), frame(state="disconnected: 4001"))
    with pytest.raises(Unavailable, match="disconnected: 4001"):
        first(stream, "btcusd")
    assert stream.stopped


def test_a_feed_without_a_market_to_watch_says_so(asked: RealSurroundings) -> None:
    with pytest.raises(PolybotError, match="none listed"):
        asked.first_frame_s("market")
