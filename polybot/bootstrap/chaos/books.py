"""Compares a floor's database with the simulated exchange's own books, to the micro-unit."""

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from polybot.adapters.storage.reader import LedgerReader
from polybot.config.locations import Locations

# Trade, order, side, price in 1e-4 dollars, size in micro-shares, fee in micro-dollars.
Fill = tuple[str, str, str, int, int, int]


def differences(locations: Locations, ledger: dict[str, Any]) -> list[str]:
    """Return what differs between the database and the answer of GET /simulator/ledger.

    A fill may be on its way at any one moment: ask again before it counts. Raises OSError or
    ValueError while the floor has no credentials yet, sqlite3.Error without a database.
    """
    ledger = without_manual_trades(api_key_of(locations.state_dir), ledger)
    stored = database_fills(locations.ledger_path)
    ours, theirs = set(stored), exchange_fills(ledger)
    twice = Counter(row[:2] for row in stored)
    found = [f"fill stored {count} times: {key}" for key, count in twice.items() if count > 1]
    found += [f"fill only in our books: {fill}" for fill in sorted(ours - theirs)]
    found += [f"fill only at the exchange: {fill}" for fill in sorted(theirs - ours)]
    return found + _positions(locations.ledger_path, ledger)


def api_key_of(state_dir: Path) -> str:
    """Return the API key a floor's trader logged in with."""
    return str(json.loads((state_dir / "wallet" / "credentials.json").read_text())["api_key"])


def database_fills(path: Path) -> list[Fill]:
    """Return every fill that counts, as often as it is stored."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(
            "SELECT trade_id, venue_order_id, side, price_bps, size_shares, fee_usdc FROM fill"
            " WHERE status <> 'FAILED'"
        ).fetchall()


def without_manual_trades(api_key: str, ledger: dict[str, Any]) -> dict[str, Any]:
    """Return the exchange's books less what somebody traded by hand with the same wallet.

    Only our key signs our orders; what the wallet does besides shows in cash and shares alone.
    """
    orders = [row for row in ledger["orders"] if row["owner"] == api_key]
    ours = {row["order_id"] for row in orders}
    executions = [row for row in ledger["executions"] if row["order_id"] in ours]
    return {**ledger, "orders": orders, "executions": executions}


def exchange_fills(ledger: dict[str, Any]) -> set[Fill]:
    """Return every settled or pending fill of the exchange likewise."""
    return {
        (
            row["trade_id"],
            row["order_id"],
            row["side"],
            int(row["price_bps"]),
            int(row["size_shares"]),
            int(row["fee_usdc"]),
        )
        for row in ledger["executions"]
        if row["status"] != "FAILED"
    }


def _positions(path: Path, ledger: dict[str, Any]) -> list[str]:
    """Compare cash, shares and orders, which follow from everything that ever happened."""
    with closing(LedgerReader.open(path)) as reader:
        belief = reader.belief()
    found = []
    account = ledger["accounts"][0]
    unpaid = sum(size for token, size in belief.won.items() if token in account["shares"])
    cash = (belief.cash_usdc or 0) - unpaid
    if cash != int(account["cash_usdc"]):
        found.append(f"cash: {cash} in our books, {account['cash_usdc']} at the exchange")
    held = {token: size for token, size in belief.held.items() if size}
    shares = {
        token: int(size)
        for token, size in account["shares"].items()
        if int(size) and token not in belief.won and token not in belief.lost
    }
    if held != shares:
        found.append(f"shares: {held} in our books, {shares} at the exchange")
    orders = {row["order_id"] for row in ledger["orders"]}
    known = set(belief.orders)
    return found + [f"order only at the exchange: {each}" for each in sorted(orders - known)]
