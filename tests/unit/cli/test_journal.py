"""Tests of `polybot journal`, on real journals."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polybot.messages.codec import encode
from polybot.messages.safety import AlertCleared, AlertRaised
from polybot.runtime.journal import Journal
from tests.fakes import make_envelope
from tests.unit.cli.conftest import Command


@pytest.fixture
def journal(state_dir: Path) -> Path:
    """Write a journal of three events of the watchdog and return its file."""
    directory = state_dir / "watchdog"
    written = Journal.open(directory)
    for seq, event in enumerate(
        (
            AlertRaised(key="disk", severity="warning", text="200 MiB left"),
            AlertCleared(key="disk", text="room again"),
            AlertRaised(key="feed", severity="warning", text="61 s old"),
        ),
        start=1,
    ):
        written.append(encode(make_envelope(event, source="watchdog", seq=seq)))
    written.sync()
    written.close()
    return next(directory.glob("journal-*.log"))


@pytest.mark.usefixtures("journal")
def test_a_whole_journal_is_ok(polybot: Command, polybot_json: Callable[..., Any]) -> None:
    lines = polybot("journal", "verify").stdout.splitlines()
    assert lines[0] == "watchdog: ok"
    assert "seq 1 to 3" in lines[1]
    (report,) = polybot_json("journal", "verify", "watchdog")
    assert (report["ok"], report["records"], report["problems"]) == (True, 3, [])


@pytest.mark.usefixtures("journal")
def test_the_simulated_exchanges_books_are_verified_too(polybot: Command, state_dir: Path) -> None:
    books = state_dir / "simulator" / "exchange"
    written = Journal.open(books)
    written.append(b'{"type":"AccountOpened"}')
    written.close()
    assert "simulator/exchange: ok" in polybot("journal", "verify").stdout
    path = next(books.glob("journal-*.log"))
    path.write_bytes(path.read_bytes().replace(b"Opened", b"opened"))
    assert "simulator/exchange: DAMAGED" in polybot("journal", "verify", code=1).stdout
    assert "simulator/exchange" not in polybot("journal", "verify", "watchdog").stdout


def test_a_changed_record_is_found(
    polybot: Command, polybot_json: Callable[..., Any], journal: Path
) -> None:
    data = bytearray(journal.read_bytes())
    place = data.index(b"room again")
    data[place : place + 4] = b"ROOM"
    journal.write_bytes(data)
    assert "watchdog: DAMAGED" in polybot("journal", "verify", code=1).stdout
    (report,) = polybot_json("journal", "verify", code=1)
    assert len(report["problems"]) == 1


@pytest.mark.parametrize("arguments", [(), ("trader",), ("nobody",)])
def test_a_process_without_a_journal_is_unknown(
    polybot: Command, arguments: tuple[str, ...]
) -> None:
    assert (
        "expected a process with a journal"
        in polybot("journal", "verify", *arguments, code=2).stderr
    )


@pytest.mark.usefixtures("journal")
def test_events_are_shown_oldest_first(polybot: Command, polybot_json: Callable[..., Any]) -> None:
    lines = polybot("journal", "show", "watchdog").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["1", "2", "3"]
    assert '{"key":"disk","severity":"warning","text":"200 MiB left"}' in lines[0]
    events = polybot_json("journal", "show", "watchdog")
    assert events[1]["body"] == {"key": "disk", "text": "room again"}


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize(
    ("arguments", "seqs"),
    [
        (("--from", "2"), [2, 3]),
        (("--last", "1"), [3]),
        (("--type", "AlertRaised"), [1, 3]),
        (("--type", "AlertRaised", "--last", "1"), [3]),
        (("--from", "9"), []),
    ],
)
def test_events_can_be_chosen(
    polybot_json: Callable[..., Any], arguments: tuple[str, ...], seqs: list[int]
) -> None:
    events = polybot_json("journal", "show", "watchdog", *arguments)
    assert [event["seq"] for event in events] == seqs
