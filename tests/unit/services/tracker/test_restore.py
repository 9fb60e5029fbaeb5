import msgspec
import pytest

from polybot.errors import CheckpointError
from polybot.services.tracker.restore import Restored, Snapshot, lost_events, restore


def test_a_checkpoint_says_how_far_the_database_had_got() -> None:
    checkpoint = msgspec.json.encode(Snapshot(stored={"trader": 9}))

    assert restore(4, checkpoint) == Restored({"trader": 9}, 4)
    assert restore(0, None) == Restored()


def test_an_unreadable_checkpoint_is_said() -> None:
    with pytest.raises(CheckpointError, match="checkpoint at 4"):
        restore(4, b'{"stored": 1}')


def test_only_a_database_that_holds_less_than_before_has_lost_something() -> None:
    assert lost_events({"trader": 9, "tracker": 2}, {"trader": 10, "tracker": 2}) == {}

    lost = lost_events({"trader": 9, "tracker": 2}, {"trader": 8})

    assert list(lost) == ["tracker", "trader"]
    assert "expected events of trader up to 9 in the database, was 8" in lost["trader"]
