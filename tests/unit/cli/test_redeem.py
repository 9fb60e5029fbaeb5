"""`polybot redeem`, `split` and `merge`: asked for once, by the market's own condition."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Command
from tests.unit.cli.exchange import StubExchange, stub_exchange
from tests.unit.cli.history import WON
from tests.unit.cli.test_wallet import Answer, asked, client
from tests.unit.exchange.listings import CONDITION, SLUG, listed

__all__ = ["client"]

RESOLVED: dict[str, Any] = {
    "closed": True,
    "outcomePrices": '["1", "0"]',
    "umaResolutionStatus": "resolved",
}
SENT = {"transaction_id": None, "transaction_hash": "0xdone"}


@pytest.fixture
def exchange(
    client: Answer, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[StubExchange]:
    """Stand up an exchange that lists one resolved market, and a client that succeeds."""
    client({"event": "sending", "what": "x"}, {"ok": True, "result": SENT})
    with stub_exchange(state_dir, monkeypatch, logged_in=False) as made:
        made.listed[SLUG] = listed(**RESOLVED)
        yield made


def test_a_winner_is_redeemed_by_its_condition(
    polybot: Command, exchange: StubExchange, tmp_path: Path
) -> None:
    result = polybot("redeem", SLUG, "--yes", "--json")
    assert json.loads(result.stdout) == [{"slug": SLUG, **SENT}]
    told = asked(tmp_path)
    assert (told["command"], told["arguments"]) == ("redeem", {"condition_id": CONDITION})


def test_every_winner_our_books_know_is_redeemed(
    polybot: Command, history: Path, exchange: StubExchange, tmp_path: Path
) -> None:
    exchange.listed[WON] = listed(slug=WON, **RESOLVED)
    assert "1 window redeemed" in polybot("redeem", "--all", "--yes").stdout


def test_without_winners_there_is_nothing_to_ask(
    polybot: Command, exchange: StubExchange, tmp_path: Path
) -> None:
    assert "0 windows redeemed" in polybot("redeem", "--all").stdout
    assert not (tmp_path / "asked.json").exists()


def test_a_window_without_an_outcome_is_refused(
    polybot: Command, exchange: StubExchange, tmp_path: Path
) -> None:
    exchange.listed[SLUG] = listed()
    assert "without one" in polybot("redeem", SLUG, "--yes", code=6).stderr
    assert not (tmp_path / "asked.json").exists()


def test_an_unknown_slug_is_not_found(polybot: Command, exchange: StubExchange) -> None:
    assert "no-such" in polybot("redeem", "no-such", "--yes", code=2).stderr


@pytest.mark.parametrize("arguments", [(), (SLUG, "--all")])
def test_a_slug_or_all_but_not_both(
    polybot: Command, exchange: StubExchange, arguments: tuple[str, ...]
) -> None:
    polybot("redeem", *arguments, "--yes", code=2)


def test_a_refusal_is_an_error_and_an_unknown_outcome_a_timeout(
    polybot: Command, client: Answer, exchange: StubExchange
) -> None:
    error = {"kind": "rejected", "type": "E", "message": "no", "status": 400}
    client({"ok": False, "error": error})
    assert "the exchange refused: no" in polybot("redeem", SLUG, "--yes", code=1).stderr
    client({"event": "sending", "what": "redeem"})
    assert "may have been carried out" in polybot("redeem", SLUG, "--yes", code=5).stderr


@pytest.mark.parametrize("command", ["split", "merge"])
def test_split_and_merge_send_micro_dollars(
    polybot: Command, exchange: StubExchange, tmp_path: Path, command: str
) -> None:
    assert "$2.50" in polybot(command, SLUG, "2.5", "--yes").stdout
    told = asked(tmp_path)
    assert told["arguments"] == {"condition_id": CONDITION, "amount": 2_500_000}


@pytest.mark.parametrize("command", ["redeem", "split", "merge"])
def test_nothing_is_sent_without_a_word(
    polybot: Command, exchange: StubExchange, tmp_path: Path, command: str
) -> None:
    amount = () if command == "redeem" else ("5",)
    assert "expected --yes" in polybot(command, SLUG, *amount, code=6).stderr
    assert not (tmp_path / "asked.json").exists()


@pytest.mark.parametrize("amount", ["0", "-1", "much", "0.0000001"])
def test_what_is_no_amount_is_a_usage_error(
    polybot: Command, exchange: StubExchange, amount: str
) -> None:
    polybot("split", SLUG, "--yes", "--", amount, code=2)
