"""Controls of the comparison: whatever is changed on one side must be found."""

import json
import sqlite3
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from polybot.adapters.storage.reader import LedgerReader
from polybot.bootstrap.chaos.books import differences
from polybot.config.locations import Locations
from tests.unit.cli.history import write_history

KEY = "our-key"


@pytest.fixture
def locations(tmp_path: Path) -> Locations:
    state = tmp_path / "state"
    (state / "wallet").mkdir(parents=True)
    (state / "wallet" / "credentials.json").write_text(json.dumps({"api_key": KEY}))
    found = Locations(
        root=tmp_path,
        config_path=tmp_path / "polybot.toml",
        state_dir=state,
        runtime_dir=tmp_path,
        is_clone=False,
        floor="synthetic",
    )
    write_history(found.ledger_path)
    return found


@pytest.fixture
def ledger(locations: Locations) -> dict[str, Any]:
    """Return the exchange's answer that equals the database."""
    with closing(LedgerReader.open(locations.ledger_path)) as reader:
        belief = reader.belief()
    with closing(sqlite3.connect(locations.ledger_path)) as connection:
        rows = connection.execute(
            "SELECT trade_id, venue_order_id, side, price_bps, size_shares, fee_usdc, status"
            " FROM fill"
        ).fetchall()
    names = ("trade_id", "order_id", "side", "price_bps", "size_shares", "fee_usdc", "status")
    shares = {token: size for token, size in belief.held.items() if size}
    return {
        "accounts": [{"cash_usdc": belief.cash_usdc or 0, "shares": shares}],
        "orders": [{"order_id": order_id, "owner": KEY} for order_id in belief.orders],
        "executions": [dict(zip(names, row, strict=True)) for row in rows],
    }


def test_equal_books_have_no_difference(locations: Locations, ledger: dict[str, Any]) -> None:
    assert len(ledger["executions"]) >= 2
    assert differences(locations, ledger) == []


def change_cash(ledger: dict[str, Any]) -> None:
    ledger["accounts"][0]["cash_usdc"] += 1


def change_shares(ledger: dict[str, Any]) -> None:
    ledger["accounts"][0]["shares"]["999"] = 1


def lose_a_fill(ledger: dict[str, Any]) -> None:
    ledger["executions"].pop()


def change_a_fee(ledger: dict[str, Any]) -> None:
    ledger["executions"][0]["fee_usdc"] += 1


def add_an_order(ledger: dict[str, Any]) -> None:
    ledger["orders"].append({"order_id": "0xunknown", "owner": KEY})


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (change_cash, "cash: "),
        (change_shares, "shares: "),
        (lose_a_fill, "fill only in our books"),
        (change_a_fee, "fill only at the exchange"),
        (add_an_order, "order only at the exchange: 0xunknown"),
    ],
)
def test_a_micro_unit_or_a_row_that_differs_is_found(
    locations: Locations, ledger: dict[str, Any], change: Any, found: str
) -> None:
    changed = deepcopy(ledger)
    change(changed)
    assert any(line.startswith(found) for line in differences(locations, changed))


def test_a_fill_that_is_stored_twice_is_found(locations: Locations, ledger: dict[str, Any]) -> None:
    with closing(sqlite3.connect(locations.ledger_path)) as connection, connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(fill)")]
        names = ", ".join(columns)
        connection.execute(f"CREATE TABLE copied AS SELECT {names} FROM fill")  # noqa: S608
        connection.execute("DROP TABLE fill")
        connection.execute("ALTER TABLE copied RENAME TO fill")
        connection.execute("INSERT INTO fill SELECT * FROM fill LIMIT 1")
    assert any(line.startswith("fill stored 2 times") for line in differences(locations, ledger))


def test_what_was_traded_by_hand_is_not_an_order_of_ours(
    locations: Locations, ledger: dict[str, Any]
) -> None:
    ledger["orders"].append({"order_id": "0xhand", "owner": "another key"})
    assert differences(locations, ledger) == []
