from polybot.exchange.wire_market_stream import LevelChange
from polybot.services.trader.missed_changes import KEPT, MissedChanges


def change(size: int) -> LevelChange:
    return LevelChange(asset_id="1", price="0.5", size=str(size), side="BUY")


def test_a_snapshot_lacks_what_came_in_its_own_millisecond_or_later() -> None:
    missed = MissedChanges()
    for at_ms in (1, 2, 2, 3):
        missed.add(at_ms, change(at_ms))
    assert [c.size for c in missed.since(2) or ()] == ["2", "2", "3"]
    assert missed.since(4) == []


def test_a_snapshot_from_before_what_was_kept_cannot_be_completed() -> None:
    missed = MissedChanges()
    for at_ms in range(KEPT + 2):
        missed.add(at_ms, change(at_ms))
    assert missed.since(1) is None
    told = missed.since(2)
    assert told is not None
    assert len(told) == KEPT
