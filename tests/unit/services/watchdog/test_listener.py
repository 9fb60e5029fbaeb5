from polybot.domain.liveness import LivenessRules, Verdict
from polybot.messages.lifecycle import Heartbeat
from polybot.services.watchdog.listener import Listener
from tests.fakes import make_envelope

SECOND_NS = 1_000_000_000
RULES = LivenessRules(late_s=3, dead_s=10, flapping_restarts=2, flapping_s=60)


def beat(turns: int = 1, pid: int = 7) -> Heartbeat:
    return Heartbeat(process="trader", pid=pid, last_seq=0, turns=turns, progress=0, status="ok")


def hear(
    listener: Listener, now_s: float, *, session: str = "s1", source: str = "trader", turns: int = 1
) -> None:
    message = beat(turns)
    envelope = make_envelope(message, source=source, session=session, durable=False)
    listener.heard(envelope, message, int(now_s * SECOND_NS))


def verdict(listener: Listener, now_s: float) -> Verdict:
    return listener.judgements(int(now_s * SECOND_NS), RULES)["trader"].verdict


def test_a_process_that_beats_is_alive_then_late_then_dead() -> None:
    listener = Listener(("trader",), 0)
    hear(listener, 1)

    assert [verdict(listener, now_s) for now_s in (2, 5, 12)] == [
        Verdict.ALIVE,
        Verdict.LATE,
        Verdict.DEAD,
    ]


def test_new_sessions_are_restarts_and_are_told_once() -> None:
    listener = Listener(("trader",), 0)
    for number in range(3):
        hear(listener, number, session=f"s{number}")

    assert verdict(listener, 3) is Verdict.FLAPPING
    assert listener.new_sessions == {"trader"}


def test_a_process_of_another_floor_is_ignored() -> None:
    listener = Listener(("trader",), 0)

    hear(listener, 1, source="stranger")

    assert listener.beats == {}
    assert not listener.was_heard("trader")


def test_the_newest_heartbeat_is_kept() -> None:
    listener = Listener(("trader",), 0)
    hear(listener, 1)
    hear(listener, 2, turns=5)

    assert listener.beats["trader"].turns == 5
    assert listener.was_heard("trader")
