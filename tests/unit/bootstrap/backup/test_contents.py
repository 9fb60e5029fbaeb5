"""The order of copying keeps a backup of a running floor consistent."""

from pathlib import Path

from polybot.bootstrap.backup.contents import LEDGER, files_in_order
from tests.unit.bootstrap.backup.states import write_state


def test_checkpoints_come_before_the_journals_and_the_exchange_s_books_last_of_them(
    tmp_path: Path,
) -> None:
    order = list(files_in_order(write_state(tmp_path), frozenset()))
    kinds = [
        "checkpoint" if "checkpoint-" in path else "journal"
        for path in order
        if (path.endswith(".json") and "checkpoint-" in path) or path.endswith(".log")
    ]
    assert kinds == sorted(kinds)
    journals = [path for path in order if path.endswith(".log")]
    assert journals[-1].startswith("simulator/exchange/")
    assert len(order) == len(set(order))
    assert LEDGER not in order


def test_what_comes_while_it_copies_is_seen(tmp_path: Path) -> None:
    state = write_state(tmp_path)
    order = files_in_order(state, frozenset())
    first = next(order)
    assert "checkpoint-" in first
    (state / "trader" / "journal-0000000000000099.log").touch()
    (state / "trader" / "tape" / "tape-00000002-bb.zst").touch()
    rest = list(order)
    assert "trader/journal-0000000000000099.log" in rest
    assert "trader/tape/tape-00000002-bb.zst" in rest


def test_links_and_drafts_are_left_out(tmp_path: Path) -> None:
    state = write_state(tmp_path)
    (state / "outside").symlink_to("/etc/hostname")
    for name in (".hidden", "x.tmp", "x.part"):
        (state / name).touch()
    left = state / "tracker" / ".backup-abc" / "ledger.sqlite"
    left.parent.mkdir()
    left.touch()
    (state / ".restoring-abc").mkdir()
    (state / ".restoring-abc" / "journal-0000000000000001.log").touch()
    order = set(files_in_order(state, frozenset()))
    assert not order & {"outside", ".hidden", "x.tmp", "x.part"}
    assert not [path for path in order if "/." in f"/{path}"]
