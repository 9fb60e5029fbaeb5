"""A tape begins with the session's settings and restored state, complete enough to begin again."""

from datetime import UTC
from zoneinfo import ZoneInfo

import msgspec
import pytest

from polybot.errors import ConfigError, ProtocolError
from polybot.services.trader.restore import Restored, restore
from polybot.services.trader.state import TraderState
from polybot.services.trader.tape_records import TAPE_SESSION, TAPE_STATE, encode_value
from polybot.services.trader.taped_session import (
    WALL,
    AgentRecord,
    SessionRecord,
    agents_of,
    read_session,
    tape_session,
)
from polybot.strategies.registry import effective_parameters
from tests.story import order_at
from tests.unit.services.trader.fakes_exchange import FakeTape
from tests.unit.services.trader.whole_trader import SETTINGS

AGENT = AgentRecord(
    name="capture",
    strategy="capture_99c",
    parameters=effective_parameters("capture_99c", {"fixed_shares": "30"}),
    capital_usdc=5,
    series=("btc-updown-5m",),
)
RECORD = SessionRecord(
    program="1",
    session="s1",
    mono_ns=1,
    wall_ns=2,
    last_seq=3,
    market_time=WALL,
    settings=msgspec.structs.replace(SETTINGS, zone=ZoneInfo("America/New_York")),
    agents=(AGENT,),
    prices=("price", "binance"),
    needs_arming=True,
)


def test_a_session_s_record_comes_back() -> None:
    assert read_session(encode_value(RECORD)) == RECORD


def test_utc_comes_back_as_utc() -> None:
    record = msgspec.structs.replace(RECORD, settings=SETTINGS)
    read = read_session(encode_value(record)).settings.zone
    assert str(read) == str(UTC)


def test_agents_come_back_with_every_parameter() -> None:
    (agent,) = agents_of(read_session(encode_value(RECORD)))
    assert (agent.name, agent.capital_usdc, agent.series) == (
        "capture",
        5,
        frozenset({"btc-updown-5m"}),
    )
    assert effective_parameters("capture_99c", AGENT.parameters) == AGENT.parameters
    assert AGENT.parameters["fixed_shares"] == "30"
    assert len(AGENT.parameters) > 20


def test_a_parameter_that_is_gone_is_named() -> None:
    agent = msgspec.structs.replace(AGENT, parameters={"charm": 1})
    with pytest.raises(ConfigError, match="charm"):
        agents_of(msgspec.structs.replace(RECORD, agents=(agent,)))


def test_settings_that_cannot_be_read_are_refused() -> None:
    for data in (b"{", b'{"version": 1}'):
        with pytest.raises(ProtocolError, match="settings of a session"):
            read_session(data)


def test_the_restored_state_follows_the_settings() -> None:
    state = TraderState(cash_usdc=7)
    state.orders["0x1"] = order_at()
    tape = FakeTape()
    tape_session(tape, RECORD, Restored(state, {"a/w": msgspec.Raw(b"{}")}, 3, 0))
    assert [kind for kind, _ in tape.taped] == [TAPE_SESSION, TAPE_STATE]
    assert tape.batches == 1
    again = restore(3, tape.taped[1][1], ())
    assert again.state.cash_usdc == 7
    assert list(again.state.orders.values()) == [order_at()]
    assert {key: bytes(raw) for key, raw in again.memories.items()} == {"a/w": b"{}"}
