from polybot.domain.refusals import SAY_AGAIN_NS, Refusals


def test_the_first_is_said_at_once_and_the_next_only_after_a_minute() -> None:
    refusals = Refusals()
    assert refusals.note("no JSON", 5) == "1 so far, 1 new; the last: no JSON"
    assert [refusals.note("again", 5 + number) for number in range(99)] == [""] * 99
    assert refusals.note("odd", 5 + SAY_AGAIN_NS) == "101 so far, 100 new; the last: odd"
    assert refusals.note("odd", 6 + SAY_AGAIN_NS) == ""
    assert refusals.total == 102


def test_a_long_reason_is_cut() -> None:
    assert len(Refusals().note("x" * 100_000, 0)) < 300
