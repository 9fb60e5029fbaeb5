"""When the doctor's real order is tried, in which market, and when an earlier proof counts."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from polybot.adapters.arming_files import LiveOrderFile
from polybot.cli.checks import CheckStatus, Row
from polybot.cli.live_proof import by_version, far_place, prove
from polybot.config.load import load
from polybot.domain.arming import LiveOrderProof
from polybot.domain.market import Outcome
from polybot.errors import NotFound
from polybot.exchange.wire_market import BookAnswer, BookLevel
from polybot.ports import CatalogAnswer
from tests.story import market_at
from tests.unit.cli.surroundings import account

GREEN = [Row("a", CheckStatus.OK, "")]
THIS, NEXT = market_at(0), market_at(1)
NOW = THIS.open_ns


class Asked:
    """The markets and books of an exchange; `books` maps tokens to their best asks."""

    def __init__(self, books: dict[str, str | None] | None = None, now_ns: int = NOW) -> None:
        self.loaded = load()
        self.books = books or {}
        self._now_ns = now_ns
        self.current: tuple[CatalogAnswer, ...] = (CatalogAnswer(THIS.slug, THIS),)
        self.later: tuple[CatalogAnswer, ...] = (CatalogAnswer(NEXT.slug, NEXT),)

    def now_ns(self) -> int:
        return self._now_ns

    def listed(self) -> tuple[CatalogAnswer, ...]:
        return self.current

    def upcoming(self) -> tuple[CatalogAnswer, ...]:
        return self.later

    def probe(self) -> "Asked":
        return self

    def book(self, token_id: str) -> BookAnswer:
        if token_id not in self.books:
            raise NotFound("No orderbook exists")
        best = self.books[token_id]
        asks = [] if best is None else [BookLevel("0.99", "5"), BookLevel(best, "5")]
        return BookAnswer(market="0xc", asset_id=token_id, timestamp="1", asks=asks)


@pytest.fixture(autouse=True)
def places(state_dir: Path) -> Path:
    return state_dir


def never(question: str) -> bool:
    raise AssertionError(question)


def run(asked: Any, rows: Any = GREEN, *, running: bool = False, agree: Any = never) -> Row:
    return prove(asked, account(), rows, agree, running=running)


def test_no_order_is_tried_while_another_check_fails() -> None:
    red = [*GREEN, Row("geoblock", CheckStatus.FAIL, "blocked")]
    row = run(Asked(), red)
    assert (row.status, row.fix) == (CheckStatus.SKIP, "mend those first")
    assert "geoblock" in row.detail


def test_the_order_is_described_before_it_is_sent_and_not_sent_without_consent() -> None:
    asked: list[str] = []
    row = run(Asked({NEXT.token_up: "0.50"}), agree=lambda question: bool(asked.append(question)))
    assert row.status is CheckStatus.SKIP
    assert asked == [
        f"Place one real order: buy 5 Up at 0.01 in {NEXT.slug} (reserves $0.05), and cancel it?"
    ]


def test_a_window_that_is_nearly_over_is_not_tried() -> None:
    late = Asked(now_ns=NEXT.close_ns - 59_000_000_000)
    assert run(late).status is CheckStatus.FAIL


def test_one_market_of_each_protocol_is_tried_the_latest_first() -> None:
    asked: Any = Asked()
    asked.current += (
        CatalogAnswer("x", msgspec.structs.replace(THIS, slug="x", version="v2")),
        CatalogAnswer("gone", None),
    )
    found = by_version(asked)
    assert {version: [m.slug for m in markets] for version, markets in found.items()} == {
        "v1": [NEXT.slug, THIS.slug],
        "v2": ["x"],
    }


@pytest.mark.parametrize(
    ("books", "expected"),
    [
        ({NEXT.token_up: "0.50"}, (NEXT, Outcome.UP)),
        ({NEXT.token_up: None}, (NEXT, Outcome.UP)),
        ({NEXT.token_up: "0.03", NEXT.token_down: "0.98"}, (NEXT, Outcome.DOWN)),
        ({THIS.token_up: "0.02", THIS.token_down: "0.99"}, (THIS, Outcome.DOWN)),
    ],
)
def test_it_rests_far_from_the_best_price(books: dict[str, Any], expected: Any) -> None:
    asked: Any = Asked(books)
    assert far_place(asked, [NEXT, THIS]) == expected


def test_without_any_book_no_order_is_tried() -> None:
    asked: Any = Asked()
    with pytest.raises(NotFound, match="rest far from"):
        far_place(asked, [NEXT, THIS])


def test_while_the_trader_runs_only_an_earlier_proof_counts(state_dir: Path) -> None:
    row = run(Asked(), running=True)
    assert row.status is CheckStatus.FAIL
    assert "polybot down" in row.fix
    LiveOrderFile(state_dir).add(
        LiveOrderProof(
            signature_type=0,
            version="v1",
            funder=account().funder,
            order_id="0xa",
            order_hash="0xa",
            placed_ns=1,
        )
    )
    assert run(Asked(), running=True).status is CheckStatus.OK
