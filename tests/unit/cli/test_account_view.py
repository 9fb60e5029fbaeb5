"""Our side of the account: an order of ours never passes for a stranger's, errors have codes."""

from pathlib import Path
from typing import Any

import pytest

from polybot.cli.account_view import Owner, exchange_errors, open_view
from polybot.cli.exits import Exit, exit_code_of
from polybot.config.load import LoadedConfig, load
from polybot.domain.order import OrderStatus
from polybot.errors import OutcomeUnknown, PolybotError, StorageError, Unauthorized, Unavailable
from polybot.messages.codec import encode
from polybot.messages.trading import OrderSubmitted
from polybot.runtime.journal import Journal
from tests.fakes import make_envelope
from tests.story import AGENT, order_at, slug_at
from tests.unit.cli.history import LOST, OPEN, ORDER_IDS
from tests.unit.cli.test_orders import held, holdings, trader


@pytest.fixture
def loaded(state_dir: Path) -> LoadedConfig:
    return load(join_floor=True)


def journal_order(state_dir: Path, **fields: Any) -> None:
    """Leave a trader's journal that ends with an order, as a kill would."""
    journal = Journal.open(state_dir / "trader")
    event = OrderSubmitted(order=order_at(**fields), decision_id="d", body="{}")
    journal.append(encode(make_envelope(event, seq=1)))
    journal.sync()
    journal.close()


def test_a_floor_that_never_ran_has_neither_books_nor_a_trader(loaded: LoadedConfig) -> None:
    with open_view(loaded) as view:
        assert (view.reader, view.holdings, view.funds()) == (None, None, None)
        assert view.owners(["0x1"]) == {}
        assert view.now_ns() == 0


def test_the_database_knows_whose_an_order_is(loaded: LoadedConfig, history: Path) -> None:
    with open_view(loaded) as view:
        found = view.owners([ORDER_IDS[OPEN], ORDER_IDS[LOST], "0xother"])
    assert found[ORDER_IDS[OPEN]] == Owner(agent="capture", slug=OPEN, outcome="Up")
    assert found[ORDER_IDS[OPEN]].series == "btc-updown-5m"
    assert set(found) == {ORDER_IDS[OPEN], ORDER_IDS[LOST]}


def test_an_order_that_only_the_killed_trader_s_journal_has_is_ours(
    loaded: LoadedConfig, state_dir: Path
) -> None:
    journal_order(state_dir, venue_order_id="0xlast", status=OrderStatus.SUBMITTED)
    with open_view(loaded) as view:
        assert view.owners(["0xlast", "0xother"]) == {
            "0xlast": Owner(agent=AGENT, slug=slug_at(), outcome="Up")
        }


def test_a_running_trader_is_asked_first(loaded: LoadedConfig, runtime_dir: Path) -> None:
    with trader(runtime_dir, holdings(held("0xnew"))), open_view(loaded) as view:
        assert view.holdings is not None
        assert view.owners(["0xnew"])["0xnew"].agent == "fresh"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Unavailable("away"), Exit.NOT_RUNNING),
        (OutcomeUnknown("no answer", code="no_answer"), Exit.NOT_RUNNING),
        (PolybotError("no address"), Exit.NOT_RUNNING),
        (Unauthorized("wrong key"), Exit.ERROR),
        (StorageError("disk"), Exit.ERROR),
    ],
)
def test_where_no_floor_runs_an_exchange_that_is_away_is_just_that(
    loaded: LoadedConfig, error: PolybotError, code: Exit
) -> None:
    with pytest.raises(PolybotError) as caught, exchange_errors(loaded):
        raise error
    assert exit_code_of(caught.value) is code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OutcomeUnknown("no answer", code="no_answer"), Exit.TIMEOUT),
        (OutcomeUnknown("HTML", code="unreadable"), Exit.ERROR),
        (Unavailable("restarting"), Exit.ERROR),
    ],
)
def test_the_real_exchange_that_does_not_answer_is_a_timeout(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, error: PolybotError, code: Exit
) -> None:
    monkeypatch.setenv("POLYBOT__MODE", "live")
    live = load(join_floor=True, lenient=True)
    with pytest.raises(PolybotError) as caught, exchange_errors(live):
        raise error
    assert exit_code_of(caught.value) is code
