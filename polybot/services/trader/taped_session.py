"""What a session of the trader began with, as the first records of its tape hold it."""

from typing import Any, Final

import msgspec

from polybot.errors import PolybotError, ProtocolError
from polybot.ports import Tape
from polybot.services.trader.agents import Agent
from polybot.services.trader.parts import TraderSettings
from polybot.services.trader.restore import Restored
from polybot.services.trader.tape_records import (
    TAPE_SESSION,
    TAPE_STATE,
    encode_value,
    from_plain,
)
from polybot.strategies.registry import build

# Raised when what is on the tape no longer suffices for, or no longer means, the same turns.
TAPE_VERSION: Final = 1
SEGMENTS, WALL = "segments", "wall"


class AgentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An agent as it was configured, every parameter of its strategy with its value."""

    name: str
    strategy: str
    parameters: dict[str, Any]
    capital_usdc: int
    series: tuple[str, ...]


class SessionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a session, and where its journal begins.

    `mono_ns` and `wall_ns` are the clocks when the trader was built, `last_seq` the newest event of
    its journal then. `market_time` is "segments" of a simulator or the "wall" clock. `prices` are
    the price feeds in order of preference.
    """

    version: int = TAPE_VERSION
    program: str
    session: str
    mono_ns: int
    wall_ns: int
    last_seq: int
    market_time: str
    settings: TraderSettings
    agents: tuple[AgentRecord, ...]
    prices: tuple[str, ...]
    needs_arming: bool


class _Version(msgspec.Struct, frozen=True):
    version: int = 0
    program: str = "?"


_decoder = msgspec.json.Decoder(SessionRecord, dec_hook=from_plain)


def tape_session(tape: Tape, record: SessionRecord, restored: Restored) -> None:
    """Put the beginning of a session on its tape: settings, and the state that was restored."""
    state = msgspec.json.encode(restored.state.to_snapshot(restored.memories))
    tape.record(TAPE_SESSION, record.mono_ns, 0, encode_value(record))
    tape.record(TAPE_STATE, record.mono_ns, 0, state)
    tape.end_batch(record.mono_ns, 0)


def read_session(data: bytes) -> SessionRecord:
    """Return the settings on a tape; raises ProtocolError, naming what does not fit."""
    try:
        head = msgspec.json.decode(data, type=_Version)
        if head.version != TAPE_VERSION:
            raise ProtocolError(
                f"expected a tape of version {TAPE_VERSION}, was {head.version} "
                f"(polybot {head.program}); replay it with that polybot"
            )
        return _decoder.decode(data)
    except (msgspec.MsgspecError, PolybotError) as error:
        if isinstance(error, ProtocolError):
            raise
        raise ProtocolError(f"expected the settings of a session on the tape: {error}") from error


def agents_of(record: SessionRecord) -> tuple[Agent, ...]:
    """Return a session's agents; raises ConfigError for a strategy or parameter that is gone."""
    return tuple(
        Agent(
            name=agent.name,
            strategy=build(agent.strategy, agent.parameters),
            capital_usdc=agent.capital_usdc,
            series=frozenset(agent.series),
        )
        for agent in record.agents
    )
