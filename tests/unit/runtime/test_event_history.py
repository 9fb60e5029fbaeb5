from pathlib import Path

import pytest

from polybot.messages.codec import encode
from polybot.messages.safety import AlertCleared
from polybot.runtime.event_history import FiledEvents
from polybot.runtime.inbox import content_hash
from polybot.runtime.journal import Journal, JournalSettings
from tests.fakes import make_envelope

SMALL = JournalSettings(segment_bytes=4096, reserve_bytes=1024)


def write(directory: Path, source: str, times: list[int], first: int = 1) -> None:
    journal = Journal.open(directory / source, settings=SMALL, floor_seq=first - 1)
    for seq, ts in enumerate(times, first):
        event = AlertCleared(key=f"{source} {seq}", text="")
        journal.append(encode(make_envelope(event, source=source, seq=seq, ts_event=ts)))
    journal.close()


@pytest.fixture
def events(tmp_path: Path) -> FiledEvents:
    write(tmp_path, "trader", [10, 20, 40, 30])
    write(tmp_path, "tracker", [15, 35], first=5)
    names = ("trader", "tracker", "watchdog")
    return FiledEvents({name: tmp_path / name for name in names})


def keys(events: FiledEvents, limit: int = 100) -> list[str]:
    return [body.key for _, body, _ in events.take(limit)]


def test_sources_are_told_by_time_and_each_in_its_own_order(events: FiledEvents) -> None:
    events.begin({"tracker": 4})

    # The wall clock went back between the trader's third and fourth event.
    told = keys(events)
    assert told == ["trader 1", "tracker 5", "trader 2", "tracker 6", "trader 3", "trader 4"]
    assert keys(events) == []
    assert events.missing() == {}


def test_events_come_in_batches_and_after_what_is_known(events: FiledEvents) -> None:
    events.begin({"trader": 2, "tracker": 5})

    assert [keys(events, 2), keys(events, 2), keys(events, 2)] == [
        ["tracker 6", "trader 3"],
        ["trader 4"],
        [],
    ]


def test_an_event_has_the_hash_it_arrives_with_over_the_bus(events: FiledEvents) -> None:
    events.begin({"tracker": 6})

    [(envelope, _, record_hash), *_] = events.take(1)

    assert record_hash == content_hash(encode(envelope))


def test_what_is_missing_is_told_by_source_and_forgotten_at_the_next_look(
    events: FiledEvents,
) -> None:
    events.begin({})
    keys(events)
    assert events.missing() == {"tracker": ((1, 4),)}

    events.begin({"tracker": 4})
    keys(events)
    assert events.missing() == {}


def test_each_process_tells_from_its_own_oldest_segment_on(events: FiledEvents) -> None:
    assert events.first_live_seqs() == {"trader": 1, "tracker": 5}
