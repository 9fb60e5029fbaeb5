from pathlib import Path

from polybot.bootstrap.record_log import JournalRecordLog
from polybot.runtime.journal import Journal


def test_records_come_back_in_order_with_their_seqs(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    log = JournalRecordLog(journal)
    seqs = [log.append(payload) for payload in (b"one", b"two", b"three")]
    log.sync()
    assert seqs == [1, 2, 3]
    assert log.records_after(0) == [(1, b"one"), (2, b"two"), (3, b"three")]
    assert log.records_after(2) == [(3, b"three")]
    assert log.records_after(3) == []
    journal.close()


def test_what_is_not_synced_is_not_read(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    log = JournalRecordLog(journal)
    log.append(b"durable")
    log.sync()
    log.append(b"not yet")
    assert log.records_after(0) == [(1, b"durable")]
    log.sync()
    assert log.records_after(1) == [(2, b"not yet")]
    journal.close()


def test_a_reopened_journal_goes_on_where_it_was(tmp_path: Path) -> None:
    first = Journal.open(tmp_path)
    log = JournalRecordLog(first)
    log.append(b"one")
    log.append(b"two")
    log.sync()
    first.close()

    second = Journal.open(tmp_path)
    again = JournalRecordLog(second)
    assert again.records_after(1) == [(2, b"two")]
    assert again.append(b"three") == 3
    again.sync()
    assert again.records_after(0) == [(1, b"one"), (2, b"two"), (3, b"three")]
    second.close()


def test_more_than_one_batch_of_the_journal_is_read(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    log = JournalRecordLog(journal)
    payloads = [bytes([number]) * 600_000 for number in range(1, 6)]
    for payload in payloads:
        log.append(payload)
    log.sync()
    assert len(journal.read_from(1, 5)) < 5
    assert log.records_after(0) == list(enumerate(payloads, start=1))
    journal.close()
