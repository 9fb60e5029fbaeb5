import json
from pathlib import Path

import pytest

from polybot.messages.codec import encode_body
from polybot.messages.envelope import Envelope
from polybot.messages.trading import ReconcileFinished
from tests.bench.recovery import _asked, _check, _in_a_row

ORDERS = frozenset({"0x1", "0x2"})


def finished(**changes: object) -> Envelope:
    values = {"open_orders": 2, "fills_seen": 0, "balance_usdc": 0, "differences": ()} | changes
    event = ReconcileFinished(trigger="start", **values)  # type: ignore[arg-type]
    return Envelope(
        type="ReconcileFinished",
        source="trader",
        session="s",
        seq=1,
        durable=True,
        ts_event=1,
        ts_init=1,
        body=encode_body(event),
    )


def test_requests_that_overlap_are_one_round_trip() -> None:
    assert _in_a_row([]) == 0
    assert _in_a_row([(0, 10, "a"), (1, 9, "b"), (2, 12, "c")]) == 1
    assert _in_a_row([(0, 10, "a"), (11, 12, "b"), (12, 20, "c"), (13, 14, "d")]) == 3


def test_only_requests_of_the_recovery_count_and_a_websocket_counts_as_it_opens(
    tmp_path: Path,
) -> None:
    rows = [
        {"started_ns": 5},
        {"number": 1, "wall_ns": 90, "request": "GET /data/orders"},
        {"number": 2, "wall_ns": 110, "request": "GET /data/orders"},
        {"number": 3, "wall_ns": 115, "request": "GET /ws/user"},
        {"number": 2, "wall_ns": 120, "status": 200},
        {"number": 4, "wall_ns": 210, "request": "POST /order"},
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "requests.jsonl").write_text(text)
    assert _asked(tmp_path, 100, 200) == [
        (110, 120, "GET /data/orders"),
        (115, 115, "GET /ws/user"),
    ]


def test_a_reconcile_that_missed_an_order_or_mended_one_ends_the_bench() -> None:
    _check([finished()], ORDERS)
    with pytest.raises(AssertionError):
        _check([finished(open_orders=1)], ORDERS)
    with pytest.raises(AssertionError):
        _check([finished(differences=("adopted",))], ORDERS)
