"""Two events are compared field by field, down to the last number."""

from polybot.bootstrap.replay.difference import Difference, FieldDifference, compare, plain
from polybot.messages.codec import encode
from polybot.messages.trading import DecisionMade, DriftFound
from tests.fakes import make_envelope


def decision(**inputs: int) -> bytes:
    made = DecisionMade(
        decision_id="d-1",
        agent="a",
        strategy="s",
        slug="w",
        action="hold",
        reason="r",
        inputs=dict(inputs),
    )
    return encode(make_envelope(made, seq=4))


def test_fields_that_differ_are_named_by_their_path() -> None:
    found = compare(decision(ask_bps=9_700, bid_bps=1), decision(ask_bps=9_600, bid_bps=1))
    assert found == (FieldDifference("body.inputs.ask_bps", 9_700, 9_600),)


def test_a_field_only_one_has_differs_from_nothing() -> None:
    found = compare(decision(ask_bps=9_700), decision(bid_bps=9_600))
    assert found == (
        FieldDifference("body.inputs.ask_bps", 9_700, None),
        FieldDifference("body.inputs.bid_bps", None, 9_600),
    )


def test_lists_are_compared_item_by_item_when_they_are_as_long() -> None:
    left = make_envelope(DriftFound(kind="k", subject="x", detail="d"), seq=1)
    assert compare(encode(left), encode(left)) == ()
    assert plain(left)["body"] == {"kind": "k", "subject": "x", "detail": "d"}


def test_an_event_that_is_missing_has_no_fields_to_compare() -> None:
    assert compare(None, decision()) == ()
    envelope = make_envelope(DriftFound(kind="k", subject="x", detail="d"), seq=1)
    alone = Difference(seq=1, recorded=None, recomputed=envelope, fields=())
    assert alone.type == "DriftFound"
