"""State changes through records alone, and the listener hears each."""

from polybot.simulator.books.ledger import Ledger
from polybot.simulator.books.records import AnyRecord, WindowClosed, WindowListed
from polybot.simulator.engine.core import ExchangeCore, NullListener
from polybot.simulator.engine.timers import ExchangeRules
from polybot.simulator.engine.window_book import WindowBook
from tests.unit.simulator.samples import MARKET, SLUG, START, Venue


class Heard(NullListener):
    def __init__(self) -> None:
        self.records: list[AnyRecord] = []

    def on_record(self, record: AnyRecord) -> None:
        self.records.append(record)


def test_a_record_is_applied_kept_and_told() -> None:
    heard = Heard()
    books: dict[str, WindowBook] = {}
    core = ExchangeCore(Ledger(), ExchangeRules(), heard, books)
    core.emit(WindowListed(ts_ns=START, market=MARKET))
    assert list(books) == [SLUG]
    core.emit(WindowClosed(ts_ns=START + 1, slug=SLUG))
    assert books == {}
    assert core.records == heard.records
    assert core.ledger.state.windows[SLUG].closed_ns == START + 1


def test_open_windows_have_a_book_again_after_a_restart() -> None:
    venue = Venue()
    core = ExchangeCore(Ledger(venue.ledger.state), ExchangeRules(), NullListener(), {})
    assert list(core.books) == [SLUG]
