"""Compares the database with the simulated exchange's own books, to the micro-unit."""

from typing import Any

from polybot.bootstrap.chaos import books
from polybot.config.load import load
from tests.integration.floor import Floor


def doubled_entries(ledger: dict[str, Any]) -> dict[str, set[str]]:
    """Return the windows in which more than one order bought and kept what it bought."""
    entries: dict[str, set[str]] = {}
    for row in ledger["executions"]:
        if row["side"] == "BUY" and row["status"] != "FAILED":
            entries.setdefault(row["slug"], set()).add(row["order_id"])
    return {slug: orders for slug, orders in entries.items() if len(orders) > 1}


def differences(floor: Floor) -> list[str]:
    """Return what differs now between our database and the exchange's books."""
    return books.differences(
        load(floor.environ, lenient=True, keyless=True).locations, floor.ledger()
    )


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
