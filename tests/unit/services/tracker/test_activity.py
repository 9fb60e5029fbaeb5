"""The tracker tells each row of the wallet's activity once, whatever happens in between."""

from pathlib import Path
from typing import Any

import msgspec

from polybot.adapters.storage.reader import LedgerReader
from polybot.adapters.storage.statements import execute
from polybot.domain.activity import Activity
from polybot.errors import OutcomeUnknown
from polybot.messages.tracking import ExternalFlowSeen, WindowRedeemed
from polybot.messages.trading import WindowDiscovered
from polybot.ports.activity import ActivityAnswer
from polybot.services.tracker.activity import OVERLAP_NS
from polybot.services.tracker.restore import restore
from polybot.services.tracker.service import TrackerService
from tests.story import SECOND_NS, bought, market_at, opening, slug_at
from tests.unit.services.tracker.floor import SETTINGS, Floor, tell


class FakeActivity:
    """Keeps the questions; a test puts the answers in."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.answers: list[ActivityAnswer] = []

    def request(self, since_s: int) -> None:
        self.asked.append(since_s)

    def take(self) -> list[ActivityAnswer]:
        taken, self.answers = self.answers, []
        return taken


def start(floor: Floor, feed: FakeActivity) -> TrackerService:
    """Start a tracker that follows a feed every 30 seconds."""
    service = floor.start()
    ports = msgspec.structs.replace(service._ports, activity=feed)  # noqa: SLF001
    settings = msgspec.structs.replace(SETTINGS, activity_ns=30 * SECOND_NS)
    return TrackerService(ports, settings, restore(0, None))


def row(kind: str = "REDEEM", **fields: Any) -> Activity:
    values: dict[str, Any] = {
        "kind": kind,
        "at_ns": market_at().close_ns + 60 * SECOND_NS,
        "condition_id": market_at().condition_id,
        "stated_usdc": 25_000_000,
        "transaction_hash": "0xt",
    }
    return Activity(**(values | fields))


def discovered(path: Path) -> tuple[Floor, FakeActivity, TrackerService]:
    floor, feed = Floor(path / "ledger.sqlite"), FakeActivity()
    service = start(floor, feed)
    tell(floor, WindowDiscovered(market=market_at()))
    service.turn()
    return floor, feed, service


def later(floor: Floor, service: TrackerService, seconds: float = 31) -> None:
    floor.clock.advance(seconds)
    service.turn()


def test_without_a_window_of_ours_nothing_is_asked(tmp_path: Path) -> None:
    floor, feed = Floor(tmp_path / "ledger.sqlite"), FakeActivity()
    service = start(floor, feed)
    later(floor, service)
    assert feed.asked == []


def test_it_asks_since_the_first_window_then_since_the_newest_row_with_overlap(
    tmp_path: Path,
) -> None:
    floor, feed, service = discovered(tmp_path)
    assert feed.asked == [(market_at().open_ns - OVERLAP_NS) // SECOND_NS]
    feed.answers.append(ActivityAnswer((row(),)))
    later(floor, service)
    feed.answers.append(ActivityAnswer())
    later(floor, service)
    assert feed.asked[-1] == (row().at_ns - OVERLAP_NS) // SECOND_NS


def test_a_payout_that_nobody_asked_for_is_told_with_its_window(tmp_path: Path) -> None:
    floor, feed, service = discovered(tmp_path)
    feed.answers.append(ActivityAnswer((row(), row("TRADE"), row(stated_usdc=0))))
    service.turn()
    (redeemed,) = floor.outbox.events(WindowRedeemed)
    assert (redeemed.slug, redeemed.amount_usdc) == (slug_at(), 25_000_000)
    assert redeemed.transaction_hash == "0xt"


def test_what_is_not_ours_is_told_by_its_kind_and_never_as_p_and_l(tmp_path: Path) -> None:
    floor, feed, service = discovered(tmp_path)
    feed.answers.append(
        ActivityAnswer(
            (
                row("SPLIT", stated_usdc=5_000_000),
                row("MAKER_REBATE", condition_id="", stated_usdc=2_000_000),
                row("AIRDROP", condition_id="", stated_usdc=1),
            )
        )
    )
    service.turn()
    told = {e.kind: (e.amount_usdc, e.set_shares) for e in floor.outbox.events(ExternalFlowSeen)}
    assert told == {
        "SPLIT": (-5_000_000, 5_000_000),
        "MAKER_REBATE": (2_000_000, 0),
        "AIRDROP": (0, 0),
    }
    ledger = floor.ledger
    assert execute(ledger.database, "SELECT COUNT(*) FROM flow") == [(0,)]
    assert execute(ledger.database, "SELECT COUNT(*) FROM activity") == [(3,)]


def test_a_row_that_is_told_again_is_no_news_not_even_after_a_restart(tmp_path: Path) -> None:
    floor, feed, service = discovered(tmp_path)
    for _ in range(3):
        feed.answers.append(ActivityAnswer((row(), row("REWARD"))))
        service.turn()
    again = start(floor, feed)
    feed.answers.append(ActivityAnswer((row(), row("REWARD"))))
    again.turn()
    again.turn()
    assert len(floor.outbox.events(WindowRedeemed)) == 1
    assert len(floor.outbox.events(ExternalFlowSeen)) == 1


def test_an_event_that_a_crash_took_back_is_told_again(tmp_path: Path) -> None:
    floor, feed, service = discovered(tmp_path)
    feed.answers.append(ActivityAnswer((row(),)))
    floor.outbox.commit = lambda: None  # type: ignore[method-assign]
    service.turn()
    del floor.outbox.commit  # type: ignore[method-assign]
    assert floor.outbox.events(WindowRedeemed) == []
    again = start(floor, feed)
    feed.answers.append(ActivityAnswer((row(),)))
    again.turn()
    assert len(floor.outbox.events(WindowRedeemed)) == 1


def test_an_answer_that_never_comes_does_not_end_the_asking(tmp_path: Path) -> None:
    floor, feed, service = discovered(tmp_path)
    later(floor, service)
    assert len(feed.asked) == 1
    later(floor, service)
    assert len(feed.asked) == 2


def test_a_failed_answer_is_asked_for_again(tmp_path: Path) -> None:
    floor, feed, service = discovered(tmp_path)
    later(floor, service)
    feed.answers.append(ActivityAnswer(error=OutcomeUnknown("away")))
    asked = len(feed.asked)
    later(floor, service)
    assert len(feed.asked) == asked + 1


def test_a_winner_waits_in_the_funds_until_its_payout_is_seen(tmp_path: Path) -> None:
    floor, feed, service = discovered(tmp_path)
    tell(floor, opening(), *bought())
    service.turn()
    floor.resolve()
    floor.market.market_ns = market_at().close_ns + 20 * SECOND_NS
    for _ in range(3):
        later(floor, service)
    reader = LedgerReader.open(floor.path)
    now_ns = floor.market.market_ns
    assert [w.slug for w in reader.funds(now_ns=now_ns).unredeemed] == [slug_at()]
    feed.answers.append(ActivityAnswer((row(),)))
    service.turn()
    assert reader.funds(now_ns=now_ns).unredeemed == ()
    reader.close()
