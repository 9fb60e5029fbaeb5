"""Small recordings written by a test: our own numbers, nothing from a real market."""

import csv
import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from polybot.recordings.windows_csv import COLUMNS, COUNTED_KINDS

OPEN_S = 1_787_236_800
SLUG = f"btc-updown-5m-{OPEN_S}"

Row = dict[str, Any]


def book(second: float, outcome: str, bids: list[Any], asks: list[Any], kind: str = "book") -> Row:
    return {
        "ts_ms": int((OPEN_S + second) * 1000),
        "kind": kind,
        "src": "test",
        "outcome": outcome,
        "bids": bids,
        "asks": asks,
    }


def best(second: float, outcome: str, bid: float | None, ask: float | None) -> Row:
    return {
        "ts_ms": int((OPEN_S + second) * 1000),
        "kind": "bbo",
        "src": "test",
        "outcome": outcome,
        "best_bid": bid,
        "best_ask": ask,
    }


def price(second: float, source: str, value: float, stamp: float) -> Row:
    return {
        "ts_ms": int((OPEN_S + second) * 1000),
        "kind": "price",
        "src": source,
        "price_ts_ms": int((OPEN_S + stamp) * 1000),
        "price": value,
    }


def trade(second: float, outcome: str, at: float, size: float) -> Row:
    return {
        "ts_ms": int((OPEN_S + second) * 1000),
        "kind": "trade",
        "src": "test",
        "outcome": outcome,
        "price": at,
        "size": size,
    }


def window(offset_s: int = 0, **fields: str) -> dict[str, str]:
    """Return a line of the index; a 5-minute window that went Up unless told otherwise."""
    open_s = OPEN_S + offset_s
    return {
        "slug": f"btc-updown-5m-{open_s}",
        "interval_sec": "300",
        "open_ts": str(open_s),
        "close_ts": str(open_s + 300),
        "outcome": "Up",
        "rule": "chainlink_instant",
        **fields,
    }


def write(directory: Path, windows: Iterable[tuple[dict[str, str], list[Row]]]) -> Path:
    """Write a recordings directory: an index, and a file for each window with rows."""
    lines = []
    for fields, rows in windows:
        counts = {f"n_{kind}": "0" for kind in COUNTED_KINDS}
        for row in rows:
            name = f"n_{row['kind']}"
            counts[name] = str(int(counts[name]) + 1)
        known = dict(fields)
        if rows:
            known["first_ts_ms"] = str(rows[0]["ts_ms"])
            known["last_ts_ms"] = str(rows[-1]["ts_ms"])
            known["file"] = f"{fields['slug']}.jsonl.gz"
            with gzip.open(directory / known["file"], "wt") as file:
                file.writelines(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
        lines.append({**counts, **known})
    with (directory / "windows.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(lines)
    return directory
