"""Tests of `polybot journal`, on real journals."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from polybot.domain.order import OrderStatus, OrderTrigger
from polybot.messages.codec import encode
from polybot.messages.safety import AlertCleared, AlertRaised
from polybot.messages.trading import OrderStatusChanged, OrderSubmitted
from polybot.runtime.journal import Journal
from polybot.runtime.journal_verify import verify
from tests.fakes import make_envelope
from tests.unit.cli.conftest import Command
from tests.unit.cli.history import ORDER_IDS, order


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
        (("--from", "1", "--to", "2"), [1, 2]),
        (("--to", "2", "--last", "1"), [2]),
        (("--session", "s1"), [1, 2, 3]),
        (("--session", "another"), []),
    ],
)
def test_events_can_be_chosen(
    polybot_json: Callable[..., Any], arguments: tuple[str, ...], seqs: list[int]
) -> None:
    events = polybot_json("journal", "show", "watchdog", *arguments)
    assert [event["seq"] for event in events] == seqs


@pytest.fixture
def trades(state_dir: Path) -> Path:
    """Write a trader's journal with two orders of two windows and return its directory."""
    directory = state_dir / "trader"
    written = Journal.open(directory)
    seq = 0
    for number in (1, 2):
        slug = f"btc-updown-5m-{number}"
        venue_order_id = f"0x{number}abcdef{'0' * 57}"
        placed = replace(order(next(iter(ORDER_IDS))), slug=slug, venue_order_id=venue_order_id)
        for event in (
            OrderSubmitted(order=placed, decision_id="d", body='{"order":{}}'),
            OrderStatusChanged(
                venue_order_id=placed.venue_order_id,
                agent=placed.agent,
                slug="another",
                status=OrderStatus.UNKNOWN,
                trigger=next(iter(OrderTrigger)),
            ),
        ):
            seq += 1
            written.append(encode(make_envelope(event, source="trader", seq=seq)))
    written.close()
    return directory


@pytest.mark.usefixtures("trades")
@pytest.mark.parametrize(
    ("arguments", "seqs"),
    [
        (("--order", "0x2abcdef"), [3, 4]),
        (("--order", "0X2ABCDEF"), [3, 4]),
        (("--order", "0x3abcdef"), []),
        (("--window", "btc-updown-5m-1"), [1]),
        (("--window", "btc-updown-5m"), []),
        (("--order", "0x1abcd", "--type", "OrderStatusChanged"), [2]),
    ],
)
def test_events_of_an_order_or_a_window_can_be_chosen(
    polybot_json: Callable[..., Any], arguments: tuple[str, ...], seqs: list[int]
) -> None:
    events = polybot_json("journal", "show", "trader", *arguments)
    assert [event["seq"] for event in events] == seqs


@pytest.mark.usefixtures("trades")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--order", "0x2"), "at least 6 characters"),
        (("--from", "3", "--to", "2"), "--to of at least 3"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(
    polybot: Command, arguments: tuple[str, ...], said: str
) -> None:
    for command in ("show", "export"):
        assert said in polybot("journal", command, "trader", *arguments, code=2).stderr


def test_an_export_is_one_event_a_line_whose_hashes_are_the_chain(
    polybot: Command, trades: Path
) -> None:
    lines = polybot("journal", "export", "trader").stdout.splitlines()
    events = [json.loads(line) for line in lines]
    assert [event["seq"] for event in events] == [1, 2, 3, 4]
    assert events[-1]["hash"] == verify(trades).last_hash.hex()
    assert events[0]["body"]["order"]["slug"] == "btc-updown-5m-1"
    (line,) = polybot("journal", "export", "trader", "--from", "3", "--to", "3").stdout.splitlines()
    assert json.loads(line) == events[2]


def test_an_export_to_a_file_is_private_told_and_never_replaces_another(
    polybot: Command, polybot_json: Callable[..., Any], trades: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    export = ("journal", "export", "trader", "--window", "btc-updown-5m-2", "--out", str(out))
    assert polybot(*export).stdout == f"wrote 1 event of 4 records (1 to 4) to {out}\n"
    assert [json.loads(line)["seq"] for line in out.read_text().splitlines()] == [3]
    assert out.stat().st_mode & 0o777 == 0o600
    assert "add --force" in polybot(*export, code=2).stderr
    assert polybot_json(*export, "--force") == {
        "file": str(out),
        "from": 1,
        "to": 4,
        "records": 4,
        "events": 1,
    }
    change_a_byte(next(trades.glob("journal-*.log")), b'"decision_id":"d"')
    before = out.read_bytes()
    assert "changed record" in polybot(*export, "--force", code=1).stderr
    assert (out.read_bytes(), list(tmp_path.glob("*.part"))) == (before, [])


def test_an_export_goes_on_beside_the_process_that_writes(
    polybot: Command, state_dir: Path
) -> None:
    journal = Journal.open(state_dir / "watchdog")
    event = AlertCleared(key="disk", text="room again")
    journal.append(encode(make_envelope(event, source="watchdog", seq=1)))
    journal.sync()
    journal.append(encode(make_envelope(event, source="watchdog", seq=2)))
    # The lock is held, and the newest record is not synced yet.
    assert len(polybot("journal", "export", "watchdog").stdout.splitlines()) == 2
    journal.close()


def change_a_byte(path: Path, text: bytes) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(text)] ^= 1
    path.write_bytes(data)


def test_a_remembered_head_is_held_against_the_journal(
    polybot: Command, polybot_json: Callable[..., Any], journal: Path
) -> None:
    (report,) = polybot_json("journal", "verify", "watchdog")
    head = f"3:{report['head']}"
    told = polybot("journal", "verify", "watchdog", "--head", head).stdout
    assert "head 3: fits: record 3 is the one remembered" in told
    for wrong in ("3:" + "0" * 16, "4:" + "0" * 16):
        both = ("--head", head, "--head", wrong)
        told = polybot("journal", "verify", "watchdog", *both, code=1).stdout
        assert "head 3: fits" in told
        assert "DOES NOT FIT" in told
        (report,) = polybot_json("journal", "verify", "watchdog", "--head", wrong, code=1)
        assert [check["fits"] for check in report["heads"]] == [False]
    assert "SEQ:HASH" in polybot("journal", "verify", "watchdog", "--head", "3:xyz", code=2).stderr
    assert "expected the process" in polybot("journal", "verify", "--head", head, code=2).stderr
    change_a_byte(journal, b"61 s old")
    told = polybot("journal", "verify", "watchdog", "--head", head, code=1).stdout
    assert "cannot be told" in told


def test_a_changed_byte_is_located_to_the_byte(
    polybot_json: Callable[..., Any], journal: Path
) -> None:
    data = bytearray(journal.read_bytes())
    at = data.index(b"room again")
    data[at] ^= 0x20
    data[-1] = 7
    journal.write_bytes(data)
    (report,) = polybot_json("journal", "verify", code=1)
    (damage,) = report["damage"]
    assert (damage["kind"], damage["seq"], damage["changed_at"]) == ("changed record", 2, at)
    data[at] ^= 0x20
    journal.write_bytes(data)
    (report,) = polybot_json("journal", "verify")
    (damage,) = report["damage"]
    assert (damage["kind"], damage["offset"]) == ("stray byte", len(data) - 1)
    assert len(report["unused"]) == 1
