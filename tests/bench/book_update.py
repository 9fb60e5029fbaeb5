"""A book change from bytes to best prices, beside nautilus_trader's books fed the same bytes."""

import contextlib
import gc
import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter_ns

from polybot.domain.market import Outcome
from polybot.ports import StreamFrame
from polybot.services.trader.market_data import MarketData
from tests.bench.book_frames import Best, BookStream
from tests.bench.harness import Budget, Row, interleave, microseconds
from tests.bench.sample_market import MARKET

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".venv-bench-nautilus"
LOCK = "tests/bench/nautilus-requirements.txt"
PEER = Path(__file__).with_name("nautilus_book.py")
FRAMES = 2000
BURST = 3
SEED = 11
BUDGET = Budget(4, at_least=True)


class Ours:
    """The trader's own books, fed by its own decoder."""

    def __init__(self, first: bytes, frames: list[bytes]) -> None:
        self._first = StreamFrame("market", 0, first)
        self._frames = [StreamFrame("market", 0, frame) for frame in frames]

    def step(self) -> int:
        """Go through all frames and return the nanoseconds of one."""
        data = self._books()
        accept, books = data.accept, self._of(data)
        begin = perf_counter_ns()
        for frame in self._frames:
            accept(frame)
            for book in books:
                _ = book.best_bid, book.best_ask
        return (perf_counter_ns() - begin) // len(self._frames)

    def best(self) -> list[Best]:
        """Return the best prices after each frame, in cents."""
        data = self._books()
        found = []
        for frame in self._frames:
            data.accept(frame)
            views = [data.token_view(MARKET, outcome) for outcome in (Outcome.UP, Outcome.DOWN)]
            prices = [price or 0 for view in views for price in (view.bid_bps, view.ask_bps)]
            found.append(tuple(price // 100 for price in prices))
        assert data.faults == [], f"expected books without faults, was {data.faults[:1]}"
        return found  # type: ignore[return-value]

    def _books(self) -> MarketData:
        data = MarketData()
        data.watch([MARKET])
        data.accept(StreamFrame("market", 0, state="connected"))
        data.accept(self._first)
        return data

    @staticmethod
    def _of(data: MarketData) -> list[object]:
        return [data._books[token] for token in (MARKET.token_up, MARKET.token_down)]  # noqa: SLF001


class Theirs:
    """One bot of the peer's process, which goes through its frames once a line."""

    def __init__(self, process: "subprocess.Popen[str]", bot: str, frames: int) -> None:
        self._process = process
        self._bot = bot
        self._frames = frames
        self.best: list[list[int]] = []

    def step(self) -> int:
        """Let it go through all frames and return the nanoseconds of one."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{self._bot}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the peer's process ended"
        told = json.loads(line)
        self.best = told["best"]
        return int(told["ns"]) // self._frames


def measure(rounds: int) -> list[Row]:
    """Return the row; the peer's environment is built when it is missing or out of date."""
    build = [ROOT / ".ci" / "build-venv", "--bare", ENVIRONMENT.name, LOCK]
    subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    stream = BookStream(SEED)
    first = stream.snapshots()
    frames, expected = [], []
    for _ in range(FRAMES):
        frames.append(stream.change())
        expected.append(stream.best())
    ours = Ours(first, frames)
    gc.collect()
    gc.freeze()
    with _peer([first, *frames]) as process:
        bots = {name: Theirs(process, name, len(frames)) for name in ("adapter", "bare")}
        sides = {"ours": ours.step} | {name: bot.step for name, bot in bots.items()}
        taken = interleave(sides, rounds=rounds, burst=BURST)
    assert ours.best() == expected, "our books show other best prices than they were made with"
    for name, bot in bots.items():
        assert [tuple(best) for best in bot.best] == expected, f"best prices of {name} differ"
    return [
        Row(
            name="book change of both tokens, bytes -> best prices",
            unit="us",
            ours=microseconds(taken.median_ns("ours")),
            peer=microseconds(taken.median_ns("adapter")),
            ratio=taken.ratio("adapter", "ours"),
            budget=BUDGET,
            beside=f"peer: its Polymarket adapter up to its book; the least code around its book "
            f"{microseconds(taken.median_ns('bare')):.1f} us, {taken.ratio('bare', 'ours'):.2f}x",
        )
    ]


@contextlib.contextmanager
def _peer(frames: list[bytes]) -> Iterator["subprocess.Popen[str]"]:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump([frame.decode() for frame in frames], file)
        file.flush()
        process = subprocess.Popen(
            [ENVIRONMENT / "bin" / "python", PEER, file.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
