"""What was done to the wallet outside trading is appended, synced, and nobody else's business."""

import json
from pathlib import Path

import pytest

from polybot.adapters.extras_record import ExtrasRecord
from polybot.errors import StorageError
from tests.fakes import FakeClock


def test_each_line_is_appended_with_its_time(tmp_path: Path) -> None:
    clock = FakeClock(now_ns=5)
    record = ExtrasRecord(tmp_path / "wallet" / "extras.jsonl", clock)
    record.append({"event": "asked"})
    clock.advance(1)
    record.append({"event": "done"})
    lines = [json.loads(line) for line in record.path.read_text().splitlines()]
    assert lines == [
        {"at_ns": 5, "event": "asked"},
        {"at_ns": 1_000_000_005, "event": "done"},
    ]
    assert record.path.stat().st_mode & 0o777 == 0o600


def test_a_wallet_that_cannot_be_recorded_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "wallet").write_text("a file in its way")
    record = ExtrasRecord(tmp_path / "wallet" / "extras.jsonl", FakeClock())
    with pytest.raises(StorageError, match="nothing is done to a wallet"):
        record.append({"event": "asked"})
