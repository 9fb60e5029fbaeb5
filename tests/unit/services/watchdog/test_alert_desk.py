"""A critical alert reaches a person: once, with its end, and also when the watchdog is killed."""

import pytest

from polybot.domain.alerting import AGAIN_NS, COLLAPSE_NS
from polybot.messages.safety import AlertDelivered, AlertHeard, AlertRaised, AlertTold
from polybot.ports.messenger import ChatAnswer
from tests.unit.services.watchdog.test_service import Bench

S = 1_000_000_000
DEAD = "process:reflector"


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.messenger.channels = ("telegram",)
    bench.run(2)
    return bench


def answer(bench: Bench, channel: str = "telegram", *, delivered: bool = True) -> None:
    key, _ = bench.messenger.sent[-1]
    detail = "" if delivered else "HTTP 401: Unauthorized"
    bench.messenger.answers.append(
        ChatAnswer(key=key, channel=channel, delivered=delivered, detail=detail)
    )


def die(bench: Bench) -> None:
    """Let the reflector fall silent until that is an alert."""
    bench.beating.discard("reflector")
    bench.run(12)


def test_a_critical_alert_is_sent_once_and_written_down(bench: Bench) -> None:
    die(bench)
    [(key, text)] = bench.messenger.sent
    assert key == DEAD
    assert text.startswith("polybot: reflector is dead: ")
    answer(bench)
    bench.run(5)
    assert len(bench.messenger.sent) == 1
    assert bench.outbox.events(AlertDelivered) == [
        AlertDelivered(key=DEAD, channel="telegram", delivered=True)
    ]
    [told] = bench.outbox.events(AlertTold)
    assert told == AlertTold(key=DEAD, told_ns=told.told_ns, times=1, over=False)
    assert 0 < bench.clock.now_ns() - told.told_ns <= 5 * S


def test_nothing_is_sent_before_the_alert_is_durable(bench: Bench) -> None:
    committed = []
    send = bench.messenger.send

    def look(key: str, text: str) -> None:
        committed.extend(body for _, body in bench.outbox.committed)
        send(key, text)

    bench.messenger.send = look  # type: ignore[method-assign]
    die(bench)
    assert any(isinstance(body, AlertRaised) and body.key == DEAD for body in committed)


def test_its_end_is_told_too(bench: Bench) -> None:
    die(bench)
    answer(bench)
    bench.beating.add("reflector")
    bench.run(3)
    key, text = bench.messenger.sent[-1]
    assert (len(bench.messenger.sent), key) == (2, DEAD)
    assert text.startswith("polybot: over: reflector is dead")
    answer(bench)
    bench.run(2)
    assert len(bench.messenger.sent) == 2
    told = bench.outbox.events(AlertTold)[-1]
    assert (told.key, told.times, told.over) == (DEAD, 0, True)


def test_what_comes_and_goes_is_collapsed(bench: Bench) -> None:
    die(bench)
    answer(bench)
    bench.beating.add("reflector")
    bench.run(3)
    answer(bench)
    for _ in range(3):
        die(bench)
        bench.beating.add("reflector")
        bench.run(3)
    assert len(bench.messenger.sent) == 2
    bench.clock.advance(COLLAPSE_NS / 1e9)
    bench.run(1)
    _, text = bench.messenger.sent[-1]
    assert "(3 times since " in text
    assert text.endswith(", over by now")


def test_an_alert_that_no_chat_took_is_sent_again_later(bench: Bench) -> None:
    die(bench)
    answer(bench, delivered=False)
    bench.run(3)
    assert len(bench.messenger.sent) == 1
    assert bench.outbox.events(AlertTold) == []
    bench.clock.advance(AGAIN_NS / 1e9)
    bench.run(1)
    assert len(bench.messenger.sent) >= 2


def test_the_first_chat_that_takes_it_is_enough(bench: Bench) -> None:
    bench.messenger.channels = ("telegram", "slack")
    die(bench)
    answer(bench, "slack", delivered=False)
    answer(bench, "telegram")
    bench.run(3)
    assert len(bench.messenger.sent) == 1
    told = [(each.channel, each.delivered) for each in bench.outbox.events(AlertDelivered)]
    assert told == [("slack", False), ("telegram", True)]
    assert len(bench.outbox.events(AlertTold)) == 1


def test_a_watchdog_killed_with_a_message_on_its_way_sends_it_again(bench: Bench) -> None:
    die(bench)
    assert len(bench.messenger.sent) == 1
    bench.kill()
    bench.run(1)
    assert [key for key, _ in bench.messenger.sent] == [DEAD, DEAD]


def test_what_was_told_before_a_kill_is_not_told_again(bench: Bench) -> None:
    die(bench)
    answer(bench)
    bench.run(1)
    bench.kill()
    bench.run(5)
    assert len(bench.messenger.sent) == 1


def test_another_process_s_alert_is_told_and_survives_a_kill(bench: Bench) -> None:
    split = AlertRaised(key="split:btc", severity="critical", text="resolved 50/50")
    bench.inbox.put(split, source="tracker")
    bench.run(1)
    assert bench.messenger.sent == [("tracker/split:btc", "polybot: resolved 50/50")]
    assert bench.outbox.events(AlertHeard) == [
        AlertHeard(source="tracker", key="split:btc", severity="critical", text="resolved 50/50")
    ]
    bench.kill()
    bench.run(1)
    assert [key for key, _ in bench.messenger.sent] == ["tracker/split:btc"] * 2


def test_a_warning_wakes_nobody(bench: Bench) -> None:
    warning = AlertRaised(key="x", severity="warning", text="look at it tomorrow")
    bench.inbox.put(warning, source="tracker")
    bench.run(3)
    assert bench.messenger.sent == []


def test_without_a_chat_nothing_is_sent_and_nothing_is_lost() -> None:
    bench = Bench()
    bench.run(2)
    die(bench)
    assert bench.messenger.sent == []
    bench.messenger.channels = ("discord",)
    bench.run(1)
    assert [key for key, _ in bench.messenger.sent] == [DEAD]
