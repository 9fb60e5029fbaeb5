"""The stand-in for an agent that is configured no more wants nothing."""

from polybot.domain.market import Outcome
from polybot.strategies.base import TokenView, View
from polybot.strategies.registry import names
from polybot.strategies.retired import Retired
from tests.story import market_at


def test_it_holds_whatever_it_sees() -> None:
    market = market_at()
    view = View(
        now_ns=market.open_ns,
        market=market,
        up=TokenView(Outcome.UP, market.token_up, bid_bps=9900),
        down=TokenView(Outcome.DOWN, market.token_down),
    )
    decision = Retired().decide(view)
    assert (decision.action, decision.intents, decision.cancels) == ("hold", (), ())


def test_nobody_can_configure_it() -> None:
    assert Retired.name not in names()
