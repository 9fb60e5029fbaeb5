"""Whole windows played fast over real sockets: recorded and synthetic, from listing to payout."""

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from polybot.domain.book import OrderBook
from polybot.domain.order import Side
from polybot.exchange.price_ticks import PRICE_BPS, size_shares
from polybot.exchange.wire_market_stream import (
    BestPricesEvent,
    BookEvent,
    PriceChangeEvent,
    market_decoder,
)
from tests.integration.simulator_process import SimulatorProcess
from tests.integration.trading_client import TradingClient

CENTS = 10_000


class Follower:
    """Rebuilds both books of a market from the stream alone, and compares its best prices."""

    def __init__(self, socket: ClientConnection, tokens: list[str]) -> None:
        self.socket = socket
        self.books = {token: OrderBook() for token in tokens}
        self.decoder = market_decoder()
        self.compared = 0
        self.resolved = False
        self.socket.send(
            json.dumps({"assets_ids": tokens, "type": "market", "custom_feature_enabled": True})
        )

    def follow(self) -> None:
        """Read until the market is resolved."""
        while not self.resolved:
            frame = self.socket.recv(timeout=60)
            told = json.loads(frame)
            for event, raw in zip(self.decoder.decode(frame), told, strict=True):
                self._take(event, raw)
        assert self.decoder.refused == 0

    def _take(self, event: Any, raw: dict[str, Any]) -> None:
        if isinstance(event, BookEvent):
            self.books[event.asset_id].apply_snapshot(
                [(PRICE_BPS[level.price], size_shares(level.size)) for level in event.bids],
                [(PRICE_BPS[level.price], size_shares(level.size)) for level in event.asks],
            )
        elif isinstance(event, PriceChangeEvent):
            for change in event.price_changes:
                book = self.books[change.asset_id]
                size = size_shares(change.size)
                book.apply_level(Side(change.side), PRICE_BPS[change.price], size)
            for row in raw["price_changes"]:
                self._compare(row["asset_id"], row["best_bid"], row["best_ask"])
        elif isinstance(event, BestPricesEvent):
            self._compare(event.asset_id, event.best_bid, event.best_ask)
        elif type(event).__name__ == "MarketResolvedEvent":
            self.resolved = True

    def _compare(self, token: str, bid: str, ask: str) -> None:
        book = self.books[token]
        assert (book.best_bid or 0, book.best_ask or 10_000) == (
            PRICE_BPS[bid],
            PRICE_BPS[ask],
        )
        self.compared += 1


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    started: list[SimulatorProcess] = []

    def begin(**config: Any) -> SimulatorProcess:
        process = SimulatorProcess(tmp_path / "state", **config)
        process.start()
        started.append(process)
        return process

    yield begin
    for process in started:
        assert process.stop() == 0


def first_market(simulator: SimulatorProcess) -> dict[str, Any]:
    markets = simulator.wait_until("/markets", bool)
    market: dict[str, Any] = min(markets, key=lambda market: str(market["endDate"]))
    return market


def play_first_window(
    simulator: SimulatorProcess, price_bps: int
) -> tuple[Follower, dict[str, Any]]:
    """Follow the first window to its end while buying both outcomes; return its final row."""
    client = TradingClient(simulator.url)
    client.login()
    market = first_market(simulator)
    tokens: list[str] = json.loads(market["clobTokenIds"])
    address = simulator.urls["ws_market_url"]
    with (
        connect(address, compression=None, max_size=None) as socket,
        ThreadPoolExecutor(1) as pool,
    ):
        follower = Follower(socket, tokens)
        following = pool.submit(follower.follow)
        simulator.wait_until(
            f"/markets/slug/{market['slug']}", lambda told: told["bestBid"] and told["bestAsk"]
        )
        for token in tokens:
            status, placed = client.spend(token, price_bps, 500 * CENTS)
            assert status == 200 or "FAK" in placed["error"]
        following.result(timeout=90)

    def is_paid(books: dict[str, Any]) -> bool:
        return any(row["slug"] == market["slug"] and row["redeemed_ns"] for row in books["windows"])

    books = simulator.wait_until("/simulator/ledger", is_paid)
    return follower, next(row for row in books["windows"] if row["slug"] == market["slug"])


def test_a_synthetic_window_is_played_to_its_payout(start: Any) -> None:
    simulator = start(speed=60.0, series=("btc-updown-5m",))
    follower, window = play_first_window(simulator, 9900)
    assert follower.compared > 1000
    assert (window["outcome"] == "Up") == (window["close_e8"] >= window["strike_e8"])
    assert window["payouts"]
    books = simulator.fetch("/simulator/ledger")
    assert books["accounts"][0]["shares"] == {}
    event = simulator.fetch(f"/events/slug/{window['slug']}")
    winner = event["markets"][0]["outcomePrices"]
    assert winner == ('["1", "0"]' if window["outcome"] == "Up" else '["0", "1"]')


@pytest.mark.recordings
@pytest.mark.parametrize("source", ["cronosvirus", "arnav_parity"])
def test_a_recorded_window_is_played_to_its_payout(
    start: Any, recordings: Path, tmp_path: Path, source: str
) -> None:
    directory = tmp_path / "recordings"
    directory.mkdir()
    origin = recordings / "dev" / source
    lines = (origin / "windows.csv").read_text().splitlines()[:2]
    (directory / "windows.csv").write_text("\n".join(lines) + "\n")
    shutil.copy(origin / f"{lines[1].split(',')[0]}.jsonl.gz", directory)
    simulator = start(speed=60.0, recordings=str(directory))
    follower, window = play_first_window(simulator, 9900)
    assert window["outcome"] in lines[1].split(",")
    assert follower.compared > 500
    simulator.wait_until("/simulator/time", lambda time: time["idle"])
