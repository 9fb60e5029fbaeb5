"""An agent keeps per window what its strategy remembers and what was last said."""

import msgspec
import pytest

from polybot.services.trader.agents import Agent
from polybot.strategies.base import Decision
from tests.story import market_at
from tests.unit.services.trader.fakes_exchange import ScriptedMemory, ScriptedStrategy

S = 1_000_000_000
SLUG = market_at().slug


def an_agent(*series: str) -> Agent:
    return Agent(
        name="capture",
        strategy=ScriptedStrategy(),
        capital_usdc=200_000_000,
        series=frozenset(series),
    )


def hold(reason: str, looks: int = 0) -> Decision:
    return Decision(action="hold", reason=reason, memory=ScriptedMemory(looks=looks))


@pytest.mark.parametrize(
    ("series", "follows"),
    [((), True), (("btc-updown-5m",), True), (("btc-updown-15m", "eth-updown-5m"), False)],
)
def test_an_agent_follows_its_series_or_all(series: tuple[str, ...], follows: bool) -> None:
    assert an_agent(*series).follows(market_at()) is follows


def test_a_second_is_new_once_per_window() -> None:
    agent = an_agent()
    moments = [0, 1, S - 1, S, S + 5, 3 * S]
    assert [agent.is_new_second(SLUG, at) for at in moments] == [
        True,
        False,
        False,
        True,
        False,
        True,
    ]
    assert agent.is_new_second(market_at(1).slug, 3 * S)


def test_the_memory_is_the_last_decision_s() -> None:
    agent = an_agent()
    assert agent.memory(SLUG) is None
    agent.note(SLUG, hold("low", looks=7))
    assert agent.memory(SLUG) == ScriptedMemory(looks=7)
    assert agent.memory(market_at(1).slug) is None


def test_news_is_what_was_not_said_last() -> None:
    agent = an_agent()
    sayings = [("hold", "a"), ("hold", "a"), ("hold", "b"), ("hold", "a"), ("enter", "a", "cap")]
    assert [agent.is_news(SLUG, saying) for saying in sayings] == [True, False, True, True, True]


def test_the_summary_counts_looks_and_reasons_and_forgets_the_window() -> None:
    agent = an_agent()
    for reason in ("low", "low", "late"):
        agent.note(SLUG, hold(reason))
    agent.note(SLUG, Decision(action="enter", reason="entry"))
    agent.entered(SLUG)
    summary = agent.summary(SLUG)
    assert (summary.agent, summary.strategy, summary.slug) == ("capture", "scripted", SLUG)
    assert (summary.looks, summary.holds, summary.entered) == (4, {"low": 2, "late": 1}, True)
    assert agent.summary(SLUG).looks == 0
    assert agent.memories() == {}


def test_memories_survive_encoding_and_restoring() -> None:
    agent, again = an_agent(), an_agent()
    agent.note(SLUG, hold("low", looks=3))
    agent.is_new_second(market_at(1).slug, 0)
    for slug, memory in agent.memories().items():
        again.restore(slug, memory)
    assert again.memory(SLUG) == ScriptedMemory(looks=3)
    assert list(agent.memories()) == [SLUG]


def test_a_memory_of_another_shape_is_refused() -> None:
    with pytest.raises(msgspec.MsgspecError):
        an_agent().restore(SLUG, msgspec.Raw(b'{"looks":"many"}'))
