"""A start takes the newest checkpoint and applies every later event, or refuses to go on."""

import logging

import msgspec
import pytest

from polybot.errors import FatalError, ProtocolError
from polybot.messages.codec import encode
from polybot.services.trader.agents import Agent
from polybot.services.trader.restore import give_memories, restore
from polybot.services.trader.state import TraderState
from tests.fakes import make_envelope
from tests.story import bought, fill_at, market_at, opening, reported
from tests.unit.services.trader.fakes_exchange import ScriptedMemory, ScriptedStrategy

SLUG = market_at().slug


def test_nothing_on_disk_is_an_empty_state() -> None:
    restored = restore(0, None, [])
    assert restored.state == TraderState()
    assert (restored.memories, restored.checkpoint_seq, restored.replayed) == ({}, 0, 0)


def test_the_journal_alone_rebuilds_the_state() -> None:
    events = [opening(), *bought()]
    restored = restore(0, None, (encode(make_envelope(event)) for event in events))
    assert restored.replayed == len(events)
    assert list(restored.state.fills) == [fill_at().key]


def test_memories_come_back_with_the_checkpoint() -> None:
    snapshot = TraderState().to_snapshot({f"capture/{SLUG}": msgspec.Raw(b'{"looks":4}')})
    restored = restore(9, msgspec.json.encode(snapshot), [])
    agent = Agent("capture", ScriptedStrategy(), 1, frozenset())
    give_memories([agent], restored.memories)
    assert agent.memory(SLUG) == ScriptedMemory(looks=4)
    assert restored.checkpoint_seq == 9


def test_an_unreadable_checkpoint_is_fatal_and_says_which() -> None:
    with pytest.raises(FatalError, match="checkpoint at 9"):
        restore(9, b'{"markets":1}', [])


def test_an_event_that_does_not_fit_is_fatal_and_says_which() -> None:
    stray = encode(make_envelope(reported(0, fill_at().status), seq=41))
    with pytest.raises(FatalError, match=r"event 41 \(FillStatusChanged\)"):
        restore(0, None, [stray])


def test_an_event_of_an_unknown_type_is_fatal() -> None:
    envelope = msgspec.structs.replace(make_envelope(opening()), type="Invented")
    with pytest.raises(FatalError, match="Invented"):
        restore(0, None, [encode(envelope)])


def test_bytes_that_are_no_envelope_are_refused() -> None:
    with pytest.raises(ProtocolError):
        restore(0, None, [b"{}"])


def test_a_memory_of_another_version_is_dropped_aloud(caplog: pytest.LogCaptureFixture) -> None:
    agent = Agent("capture", ScriptedStrategy(), 1, frozenset())
    memories = {
        f"capture/{SLUG}": msgspec.Raw(b'{"looks":"x"}'),
        f"retired/{SLUG}": msgspec.Raw(b"{}"),
    }
    with caplog.at_level(logging.WARNING):
        give_memories([agent], memories)
    assert agent.memory(SLUG) is None
    assert "another version" in caplog.text
