"""The regression gate: sessions recorded on the synthetic market must come out byte for byte.

A change that is meant to decide otherwise records them anew: `python -m tests.record_sessions`.
"""

from pathlib import Path

import msgspec
import pytest

from polybot.bootstrap.replay.journal import SessionJournal
from polybot.bootstrap.replay.session import SessionReplay
from polybot.bootstrap.replay.sessions import open_session, taped_sessions
from polybot.bootstrap.replay.tape import SessionTape
from polybot.runtime.tape import list_tapes

DIRECTORY = Path(__file__).resolve().parents[3] / "data" / "sessions"
LARGEST_BYTES = 300_000
SHIPPED = [
    pytest.param(scene, told.session, id=f"{scene.name}-{told.session}")
    for scene in sorted(DIRECTORY.iterdir())
    for told in taped_sessions(scene)
]


def test_there_are_sessions_of_a_first_life_and_of_one_after_a_kill() -> None:
    for scene in ("capture", "drill"):
        told = taped_sessions(DIRECTORY / scene)
        assert len(told) == 2, scene
        assert (told[0].after_seq == 0, told[1].after_seq > 0) == (True, True)
        assert all(
            path.stat().st_size < LARGEST_BYTES for path in list_tapes(DIRECTORY / scene / "tape")
        )


@pytest.mark.parametrize(("scene", "session"), SHIPPED)
def test_a_shipped_session_comes_out_byte_for_byte(scene: Path, session: str) -> None:
    outcome = open_session(scene, session).run()
    assert outcome.difference is None, outcome.difference
    assert outcome.stopped == ""
    assert outcome.decisions >= 1
    assert outcome.events > outcome.decisions


@pytest.mark.parametrize(("scene", "session"), SHIPPED)
def test_a_changed_limit_shows_in_every_shipped_session(scene: Path, session: str) -> None:
    tape = SessionTape(scene / "tape", session)
    settings = tape.record.settings
    limits = msgspec.structs.replace(
        settings.limits, max_order_usdc=settings.limits.max_order_usdc - 1
    )
    changed = msgspec.structs.replace(settings, limits=limits)
    tape.record = msgspec.structs.replace(tape.record, settings=changed)
    journal = SessionJournal(scene, session, tape.record.last_seq)
    outcome = SessionReplay(tape, journal).run()
    assert outcome.difference is not None
    assert "body.checks.max_order_usdc" in [told.path for told in outcome.difference.fields]
