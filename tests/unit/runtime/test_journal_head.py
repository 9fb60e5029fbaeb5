"""A head remembered outside tells a rewritten journal from the one it was taken of."""

from pathlib import Path

import pytest

from polybot.errors import InvalidValue
from polybot.runtime.journal import Journal, JournalSettings
from polybot.runtime.journal_archive import JournalArchive
from polybot.runtime.journal_format import FIRST_HASH
from polybot.runtime.journal_head import JournalHead, RememberedHead, check_head, parse_head
from polybot.runtime.journal_verify import verify

SMALL = JournalSettings(segment_bytes=4 << 10, reserve_bytes=1 << 10)


def written(directory: Path, *, count: int = 60, changed: int = 0) -> list[JournalHead]:
    """Write a journal and return its head after each record; one record may be another."""
    journal = Journal.open(directory, settings=SMALL)
    heads = []
    for number in range(1, count + 1):
        journal.append(b'{"number":%d,"same":%d}' % (number, number != changed))
        journal.sync()
        heads.append(journal.head())
    journal.close()
    return heads


def remembered(head: JournalHead, digits: int = 64) -> RememberedHead:
    return parse_head(str(head)[: len(f"{head.seq}:") + digits])


@pytest.mark.parametrize("digits", [16, 40, 64])
def test_every_head_fits_the_journal_it_was_taken_of(tmp_path: Path, digits: int) -> None:
    for head in written(tmp_path):
        assert check_head(tmp_path, remembered(head, digits)).fits
    assert check_head(tmp_path, RememberedHead(0, FIRST_HASH.hex())).fits


def test_a_journal_rewritten_with_a_fitting_chain_shows_by_its_remembered_head(
    tmp_path: Path,
) -> None:
    heads = written(tmp_path / "original")
    written(tmp_path / "rewritten", changed=30)
    # Nothing inside tells: checksums and chain fit each other.
    assert verify(tmp_path / "rewritten").ok
    assert check_head(tmp_path / "rewritten", remembered(heads[28])).fits
    for head in heads[29:]:
        check = check_head(tmp_path / "rewritten", remembered(head, 16))
        assert check.fits is False
        assert "records up to it were rewritten" in check.detail


def test_a_journal_cut_short_shows_by_its_remembered_head(tmp_path: Path) -> None:
    heads = written(tmp_path / "original")
    written(tmp_path / "cut", count=50)
    assert verify(tmp_path / "cut").ok
    check = check_head(tmp_path / "cut", remembered(heads[59]))
    assert check.fits is False
    assert "the newest records were taken away" in check.detail


def test_a_head_older_than_what_is_kept_cannot_be_told(tmp_path: Path) -> None:
    heads = written(tmp_path)
    journal = Journal.open(tmp_path, settings=SMALL)
    assert journal.trim(60) > 0
    journal.close()
    check = check_head(tmp_path, remembered(heads[2]))
    assert check.fits is None
    assert f"begins at seq {journal.first_seq} by now" in check.detail


def test_a_head_of_an_archived_record_is_held_against_it(tmp_path: Path) -> None:
    heads = written(tmp_path)
    journal = Journal.open(tmp_path, settings=SMALL)
    archive = JournalArchive(tmp_path, cap_bytes=1 << 20)
    archive.take_over(60)
    archive.wait()
    assert journal.trim(archive.take_over(60)) > 0
    journal.close()
    assert check_head(tmp_path, remembered(heads[2])).fits
    assert check_head(tmp_path, RememberedHead(3, heads[3].hash.hex())).fits is False


def test_a_record_that_cannot_be_read_fits_nothing(tmp_path: Path) -> None:
    heads = written(tmp_path, count=3)
    (path,) = tmp_path.glob("journal-*.log")
    data = bytearray(path.read_bytes())
    data[70] ^= 1
    path.write_bytes(data)
    check = check_head(tmp_path, remembered(heads[0]))
    assert check.fits is None
    assert "changed record" in check.detail


@pytest.mark.parametrize(
    "text",
    ["", "12", "12:", "12:abc", "x:0123456789abcdef", "-1:0123456789abcdef", "1:" + "0" * 65],
)
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="SEQ:HASH"):
        parse_head(text)
