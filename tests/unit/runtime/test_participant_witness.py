"""Who heard a source knows its journal again: only the one that holds the witness is replayed."""

from polybot.messages.commands import Acknowledge, ReplayFrom, Witness
from polybot.runtime.inbox import content_hash
from tests.unit.runtime.test_participant import Case, case, filled, trim, turns

__all__ = ["case"]


def test_a_replay_comes_only_from_the_journal_that_holds_the_witness(case: Case) -> None:
    turns(case, 5)
    known = content_hash(case.journal.payloads_from(4, 1)[0])
    for seq, record_hash, fits in (
        (4, known, True),
        (4, known[:-1] + "x", False),
        (3, known, False),
        (6, known, False),
    ):
        batch = case.ask(ReplayFrom(seq=2, witness=Witness(seq=seq, hash=record_hash)))
        assert (batch.fits, len(batch.records)) == (fits, 4 if fits else 0)
        assert (batch.last_seq, batch.session) == (5, case.outbox.session)


def test_a_witness_that_was_trimmed_is_believed(case: Case) -> None:
    last = filled(case)
    case.ask(Acknowledge(sender="tracker", seq=last))
    first = trim(case)
    batch = case.ask(ReplayFrom(seq=first, witness=Witness(seq=first - 1, hash="anything")))
    assert batch.fits
    assert batch.records
