import msgspec
import pytest

from polybot.messages.codec import decode_body, encode, encode_body
from polybot.messages.commands import (
    Acknowledge,
    Done,
    GetStatus,
    GetVerdicts,
    ProcessVerdict,
    ReplayBatch,
    ReplayFrom,
    ResumeTrading,
    Verdicts,
)
from polybot.messages.lifecycle import ProcessStopped
from tests.fakes import make_envelope
from tests.unit.messages.samples import travelled


@pytest.mark.parametrize("question", [GetStatus(), GetVerdicts(), Done()])
def test_a_question_without_words_is_an_empty_object(question: msgspec.Struct) -> None:
    assert bytes(encode_body(question)) in (b"{}", b'{"detail":""}')
    assert decode_body(type(question).__name__, msgspec.Raw(b"{}")) == question


def test_a_replay_is_bounded_even_when_the_asker_names_no_limit() -> None:
    assert decode_body("ReplayFrom", msgspec.Raw(b'{"seq":7}')) == ReplayFrom(seq=7, limit=500)


def test_a_replayed_record_keeps_its_bytes_to_the_last_quote() -> None:
    event = ProcessStopped(process='a "quoted" name \u00fc', pid=1, reason="\\ and \n")
    payload = encode(make_envelope(event))
    batch = ReplayBatch(records=(payload.decode(),), last_seq=1, first_kept=1, session="s1")

    assert travelled(batch).records[0].encode() == payload


def test_an_acknowledgement_says_who_stored_and_how_far() -> None:
    said = travelled(Acknowledge(sender="tracker", seq=2**60))

    assert (said.sender, said.seq) == ("tracker", 2**60)


def test_a_resume_names_whose_claims_it_takes_back() -> None:
    assert travelled(ResumeTrading(source="operator", reason="checked")).source == "operator"


def test_verdicts_of_a_floor_without_alerts_need_not_say_so() -> None:
    verdict = ProcessVerdict(
        name="trader", pid=0, verdict="dead", heartbeat_age_s=-1.0, status="never heard"
    )

    assert travelled(Verdicts(processes=(verdict,))) == Verdicts(processes=(verdict,), alerts=())
