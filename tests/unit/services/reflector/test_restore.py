import msgspec
import pytest

from polybot.errors import CheckpointError
from polybot.messages.codec import encode
from polybot.messages.learning import ReflectionRecorded
from polybot.messages.lifecycle import ProcessStopped
from polybot.services.reflector.restore import Snapshot, restore
from tests.fakes import make_envelope


def reflection(mark: str) -> bytes:
    recorded = ReflectionRecorded(trigger="10_trades", mark=mark, trades=10, digest={})
    return encode(make_envelope(recorded, source="reflector"))


def test_marks_of_checkpoint_and_journal_add_up() -> None:
    stopped = encode(make_envelope(ProcessStopped(process="reflector", pid=1, reason="")))
    checkpoint = msgspec.json.encode(Snapshot(marks=("a",)))

    restored = restore(7, checkpoint, [reflection("b"), stopped, reflection("c")])

    assert restored.marks == {"a", "b", "c"}
    assert (restored.checkpoint_seq, restored.replayed) == (7, 3)


def test_nothing_on_disk_is_a_beginning() -> None:
    assert restore(0, None, []).marks == frozenset()


def test_a_reflection_of_another_version_is_left_to_the_database() -> None:
    broken = reflection("b").replace(b'"mark"', b'"sign"')

    assert restore(0, None, [broken]).marks == frozenset()


def test_an_unreadable_checkpoint_is_said() -> None:
    with pytest.raises(CheckpointError, match="checkpoint at 7"):
        restore(7, b'{"marks": 5}', [])
