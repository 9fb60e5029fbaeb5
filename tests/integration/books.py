"""Compares the database with the simulated exchange's own books, to the micro-unit."""

import json
import sqlite3
from pathlib import Path
from typing import Any, Protocol

from polybot.adapters.storage.reader import LedgerReader
from tests.integration.floor import Floor

Fill = tuple[str, str, str, int, int, int]


class Judged(Protocol):
    """A floor whose books can be compared, wherever it runs."""

    @property
    def state_dir(self) -> Path:
        """Where its processes keep what lasts."""

    def ledger(self) -> Any:
        """Return the simulated exchange's own books."""


def database_fills(path: Path) -> set[Fill]:
    """Return every fill that counts: trade, order, side, price, size, fee."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        rows = connection.execute(
            "SELECT trade_id, venue_order_id, side, price_bps, size_shares, fee_usdc FROM fill"
            " WHERE status <> 'FAILED'"
        ).fetchall()
    assert len(rows) == len({row[:2] for row in rows}), "a fill was stored twice"
    return set(rows)


def without_manual_trades(floor: Judged, ledger: dict[str, Any]) -> dict[str, Any]:
    """Return the exchange's books less what somebody traded by hand with the same wallet.

    Only our key signs our orders; what the wallet does besides shows in cash and shares alone.
    """
    key = json.loads((floor.state_dir / "wallet" / "credentials.json").read_text())["api_key"]
    orders = [row for row in ledger["orders"] if row["owner"] == key]
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


def doubled_entries(ledger: dict[str, Any]) -> dict[str, set[str]]:
    """Return the windows in which more than one order bought and kept what it bought."""
    entries: dict[str, set[str]] = {}
    for row in ledger["executions"]:
        if row["side"] == "BUY" and row["status"] != "FAILED":
            entries.setdefault(row["slug"], set()).add(row["order_id"])
    return {slug: orders for slug, orders in entries.items() if len(orders) > 1}


def differences(floor: Judged) -> list[str]:
    """Return what differs now between our database and the exchange's books."""
    path = floor.state_dir / "tracker" / "ledger.sqlite"
    ledger = without_manual_trades(floor, floor.ledger())
    found = []
    ours, theirs = database_fills(path), exchange_fills(ledger)
    found += [f"fill only in our books: {fill}" for fill in sorted(ours - theirs)]
    found += [f"fill only at the exchange: {fill}" for fill in sorted(theirs - ours)]
    reader = LedgerReader.open(path)
    belief = reader.belief()
    reader.close()
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
    known = set(belief.orders)
    orders = {row["order_id"] for row in ledger["orders"]}
    found += [f"order only at the exchange: {order_id}" for order_id in sorted(orders - known)]
    return found


def assert_equal_books(floor: Floor) -> None:
    """Fail unless both books are equal within 30 s: a fill may be on its way at any one moment."""
    left: list[str] = ["not compared"]

    def equal() -> bool:
        nonlocal left
        left = differences(floor)
        return not left

    try:
        floor.wait("equal books", equal, timeout_s=30)
    except AssertionError as error:
        raise AssertionError("\n".join(left) + f"\n{error}") from None
