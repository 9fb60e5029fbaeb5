"""Each condition is told once, repeats collapse, and nothing that was raised stays untold."""

import random

from hypothesis import given
from hypothesis import strategies as st

from polybot.domain.alerting import COLLAPSE_NS, Alerting, Due, Told

NOW = 1_790_000_000_000_000_000
S = 1_000_000_000


def raised(*texts: str) -> Alerting:
    alerting = Alerting()
    for text in texts:
        alerting.raised("disk", "critical", text)
    return alerting


def test_a_critical_condition_is_due_until_a_chat_took_it() -> None:
    alerting = raised("9 MiB left")
    assert alerting.ready(NOW) == {"disk": Due("9 MiB left")}
    alerting.delivered("disk", times=1, over=False, ts_ns=NOW)
    assert alerting.ready(NOW) == {}
    assert alerting.told == {"disk": Told("9 MiB left", NOW)}


def test_a_warning_wakes_nobody() -> None:
    alerting = Alerting()
    alerting.raised("disk", "warning", "199 MiB left")
    assert alerting.ready(NOW) == {}


def test_the_end_is_told_where_the_beginning_was() -> None:
    alerting = raised("9 MiB left")
    alerting.delivered("disk", times=1, over=False, ts_ns=NOW)
    alerting.cleared("disk")
    assert alerting.ready(NOW + S) == {"disk": Due("9 MiB left", times=0, gone=True)}
    alerting.delivered("disk", times=0, over=True, ts_ns=NOW + S)
    alerting.cleared("disk")
    assert alerting.due == {}


def test_what_came_and_went_before_it_was_told_is_told_as_over() -> None:
    alerting = raised("9 MiB left")
    alerting.cleared("disk")
    assert alerting.ready(NOW) == {"disk": Due("9 MiB left", gone=True)}
    alerting.delivered("disk", times=1, over=True, ts_ns=NOW)
    assert alerting.due == {}
    assert not alerting.told["disk"].is_open


def test_what_comes_and_goes_is_told_at_most_every_ten_minutes_with_its_count() -> None:
    alerting = raised("9 MiB left")
    alerting.delivered("disk", times=1, over=False, ts_ns=NOW)
    alerting.cleared("disk")
    alerting.delivered("disk", times=0, over=True, ts_ns=NOW + S)
    for _ in range(3):
        alerting.raised("disk", "critical", "8 MiB left")
        alerting.cleared("disk")
    assert alerting.ready(NOW + COLLAPSE_NS) == {}
    later = NOW + S + COLLAPSE_NS
    assert alerting.ready(later) == {"disk": Due("8 MiB left", times=3, gone=True)}
    alerting.delivered("disk", times=3, over=True, ts_ns=later)
    assert alerting.due == {}


def test_an_end_while_the_message_is_on_its_way_is_told_after_it() -> None:
    alerting = raised("9 MiB left")
    alerting.cleared("disk")
    alerting.delivered("disk", times=1, over=False, ts_ns=NOW)
    assert alerting.ready(NOW) == {"disk": Due("9 MiB left", times=0, gone=True)}


def test_a_repeat_while_the_message_is_on_its_way_stays_due() -> None:
    alerting = raised("9 MiB left", "8 MiB left")
    alerting.delivered("disk", times=1, over=False, ts_ns=NOW)
    assert alerting.due == {"disk": Due("8 MiB left")}
    assert alerting.ready(NOW + COLLAPSE_NS) == alerting.due


def test_a_clock_that_went_back_silences_nothing() -> None:
    alerting = raised("9 MiB left")
    alerting.delivered("disk", times=1, over=False, ts_ns=NOW)
    alerting.raised("disk", "critical", "8 MiB left")
    assert alerting.ready(NOW + S) == {}
    assert alerting.ready(NOW - S) == {"disk": Due("8 MiB left")}


def test_only_what_is_over_and_long_ago_is_forgotten() -> None:
    alerting = raised("9 MiB left")
    alerting.delivered("disk", times=1, over=False, ts_ns=NOW)
    alerting.forget_before(NOW + S)
    assert "disk" in alerting.told
    alerting.cleared("disk")
    alerting.delivered("disk", times=0, over=True, ts_ns=NOW)
    alerting.forget_before(NOW)
    assert "disk" in alerting.told
    alerting.forget_before(NOW + S)
    assert alerting.told == {}


@given(seed=st.integers(0, 2**32))
def test_in_the_end_a_person_knows_what_is_open_and_how_often_it_came(seed: int) -> None:
    """Conditions come and go; messages take a while, and some are lost by a crash."""
    dice, alerting, now = random.Random(seed), Alerting(), NOW
    is_open, came, heard, underway = False, 0, 0, None
    believed_open = False
    for step in range(200):
        now += dice.randrange(1, 200) * S
        if step < 150 and dice.random() < 0.4:
            if is_open:
                alerting.cleared("k")
            else:
                came += 1
                alerting.raised("k", "critical", "text")
            is_open = not is_open
        if underway is None:
            underway = alerting.ready(now).get("k")
        elif dice.random() < 0.2:
            underway = None
        else:
            alerting.delivered("k", times=underway.times, over=underway.gone, ts_ns=now)
            heard += underway.times
            believed_open, underway = not underway.gone, None
    assert alerting.due == {}
    assert (believed_open, heard) == (is_open, came)
