"""Brings the trader's state back: the newest checkpoint, then every later event of the journal."""

import logging
from collections.abc import Iterable

import msgspec

from polybot.errors import FatalError, PolybotError
from polybot.messages.codec import decode_body, decode_envelope
from polybot.services.trader.agents import Agent
from polybot.services.trader.snapshot import Snapshot
from polybot.services.trader.state import TraderState

logger = logging.getLogger(__name__)


class Restored(msgspec.Struct, frozen=True):
    """The state a start begins with; `memories` are the strategies' by "agent/slug"."""

    state: TraderState
    memories: dict[str, msgspec.Raw]
    checkpoint_seq: int
    replayed: int


def restore(checkpoint_seq: int, checkpoint: bytes | None, payloads: Iterable[bytes]) -> Restored:
    """Fold the journal's events after a checkpoint into its state.

    Raises FatalError when an event cannot be applied: trading on a state that is not what the
    journal says would be worse than not trading.
    """
    state, memories = TraderState(), {}
    if checkpoint is not None:
        try:
            snapshot = msgspec.json.decode(checkpoint, type=Snapshot)
        except msgspec.MsgspecError as error:
            message = f"expected a trader checkpoint at {checkpoint_seq}, was unreadable: {error}"
            raise FatalError(message) from error
        state, memories = TraderState.from_snapshot(snapshot), snapshot.memories
    replayed = 0
    for payload in payloads:
        envelope = decode_envelope(payload)
        try:
            state.apply(decode_body(envelope.type, envelope.body))
        except (PolybotError, KeyError) as error:
            message = f"expected event {envelope.seq} ({envelope.type}) to fit, was {error!r}"
            raise FatalError(message) from error
        replayed += 1
    return Restored(state, memories, checkpoint_seq, replayed)


def give_memories(agents: Iterable[Agent], memories: dict[str, msgspec.Raw]) -> None:
    """Hand each strategy's memory back to its agent; one that no longer fits is dropped, aloud."""
    by_name = {agent.name: agent for agent in agents}
    for key, memory in memories.items():
        name, _, slug = key.partition("/")
        agent = by_name.get(name)
        if agent is None:
            continue
        try:
            agent.restore(slug, memory)
        except msgspec.MsgspecError as error:
            logger.warning("the memory of %s in %s is of another version: %s", name, slug, error)
