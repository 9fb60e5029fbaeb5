import msgspec

from polybot.messages.codec import decode_body
from polybot.messages.learning import ReflectionRecorded
from tests.unit.messages.samples import travelled


def test_a_digest_keeps_numbers_words_and_gaps_apart() -> None:
    digest = {"trades": 10, "pnl": "-1.25", "win_rate": 0.5, "worst": None}
    told = travelled(
        ReflectionRecorded(trigger="10_trades", mark="10", trades=10, digest=dict(digest))
    )

    assert told.digest == digest
    assert [type(value) for value in told.digest.values()] == [int, str, float, type(None)]


def test_without_an_analyst_there_are_no_insights() -> None:
    told = decode_body(
        "ReflectionRecorded",
        msgspec.Raw(b'{"trigger":"end_of_day","mark":"2026-08-20","trades":0,"digest":{}}'),
    )

    assert (told.insights, told.analyst) == ((), "")
