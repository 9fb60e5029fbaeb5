"""Phases: what the exchange takes while it restarts and after, and that a restart keeps them."""

import pytest

from polybot.domain.order import OrderType, Side
from polybot.simulator.books.ledger import replayed
from polybot.simulator.books.records import OrderState, Phase
from polybot.simulator.rules import NS_PER_MS, ExchangeRules
from tests.unit.simulator.crowd import Crowd
from tests.unit.simulator.samples import SHARES, S

BUY = Side.BUY
RESTART = "the matching engine is restarting, please retry"
POST_ONLY = "post-only mode: only post-only orders and cancels are allowed"
CANCEL_ONLY = (
    "Trading is currently cancel-only. New orders are not accepted, but cancels are allowed."
)
DISABLED = "Trading is currently disabled. Check polymarket.com for updates"


def phase_after(crowd: Crowd, seconds: int) -> str:
    crowd.wait(seconds)
    return crowd.exchange.phase.value


@pytest.mark.parametrize(
    ("phase", "order", "post_only", "cancel", "code"),
    [
        (Phase.NORMAL, "", "", "", ""),
        (Phase.RESTARTING, RESTART, RESTART, RESTART, "engine_restarting"),
        (Phase.POST_ONLY, POST_ONLY, "", "", "post_only_mode"),
        (Phase.CANCEL_ONLY, CANCEL_ONLY, CANCEL_ONLY, "", "cancel_only"),
        (Phase.DISABLED, DISABLED, DISABLED, DISABLED, "trading_disabled"),
    ],
)
def test_item_15_each_phase_takes_what_it_says(
    phase: Phase, order: str, post_only: str, cancel: str, code: str
) -> None:
    crowd = Crowd()
    crowd.show()
    resting = crowd.place("ann", BUY, 4000, 5 * SHARES)
    if phase is not Phase.NORMAL:
        crowd.exchange.set_phase(phase, crowd.now_ns, crowd.now_ns + 79 * S)
    assert crowd.exchange.phase is phase
    assert crowd.refusal("bob", BUY, 4000, 5 * SHARES) == order
    assert crowd.refusal("bob", BUY, 4000, 5 * SHARES, post_only=True) == post_only
    refused = crowd.exchange.phase_refusal(crowd.now_ns)
    assert (refused.code if refused else "") == code
    assert (refused.retry_after_s if refused else 79) == 79
    ids = [resting.order_id]
    canceled, left = crowd.exchange.cancel(crowd.account("ann"), ids, crowd.now_ns)
    assert (canceled, left) == (([], {ids[0]: cancel}) if cancel else (ids, {}))


def test_item_15_a_restart_is_followed_by_two_minutes_of_post_only() -> None:
    crowd = Crowd()
    crowd.show()
    crowd.exchange.set_phase(Phase.RESTARTING, crowd.now_ns, crowd.now_ns + 30 * S)
    assert phase_after(crowd, 29) == "RESTARTING"
    assert phase_after(crowd, 1) == "POST_ONLY"
    refused = crowd.exchange.phase_refusal(crowd.now_ns)
    assert refused is not None
    assert (refused.code, refused.retry_after_s) == ("post_only_mode", 120)
    assert phase_after(crowd, 119) == "POST_ONLY"
    assert phase_after(crowd, 1) == "NORMAL"
    assert crowd.exchange.next_timer_ns() is None


def test_item_15_what_was_held_when_a_restart_began_is_matched_after_it() -> None:
    crowd = Crowd(rules=ExchangeRules(taker_delay_ns=150 * NS_PER_MS))
    crowd.show()
    order = crowd.place("ann", BUY, 5200, 5 * SHARES)
    crowd.exchange.set_phase(Phase.RESTARTING, crowd.now_ns, crowd.now_ns + 30 * S)
    crowd.wait(29)
    assert order.state is OrderState.HELD
    crowd.wait(1)
    assert (order.state, order.filled_shares) == (OrderState.MATCHED, 5 * SHARES)


def test_item_15_a_phase_survives_a_restart_of_the_simulator() -> None:
    crowd = Crowd(rules=ExchangeRules(taker_delay_ns=150 * NS_PER_MS))
    crowd.show()
    crowd.exchange.set_phase(Phase.CANCEL_ONLY, crowd.now_ns, crowd.now_ns + 30 * S)
    again = type(crowd.exchange)(
        replayed(None, crowd.journal()), crowd.exchange.core.rules, crowd.exchange.core.listener
    )
    again.advance(crowd.now_ns + 29 * S)
    assert again.phase.value == "CANCEL_ONLY"
    again.advance(crowd.now_ns + 30 * S)
    assert again.phase.value == "NORMAL"


def test_a_phase_without_an_end_lasts_until_it_is_ended() -> None:
    crowd = Crowd()
    crowd.exchange.set_phase(Phase.DISABLED, crowd.now_ns)
    crowd.wait(10_000)
    refused = crowd.exchange.phase_refusal(crowd.now_ns)
    assert refused is not None
    assert refused.retry_after_s == 0
    count = len(crowd.journal())
    crowd.exchange.set_phase(Phase.DISABLED, crowd.now_ns)
    assert len(crowd.journal()) == count
    crowd.exchange.set_phase(Phase.NORMAL, crowd.now_ns)
    assert crowd.exchange.phase is Phase.NORMAL


def test_a_phase_does_not_keep_a_recorded_market_from_being_over() -> None:
    crowd = Crowd()
    crowd.exchange.core.books.clear()
    crowd.exchange.set_phase(Phase.DISABLED, crowd.now_ns, crowd.now_ns + 3600 * S)
    assert crowd.exchange.is_quiet()
    assert crowd.exchange.next_timer_ns() == crowd.now_ns + 3600 * S


def test_item_09_a_gtd_order_whose_end_comes_while_it_is_held_does_not_rest() -> None:
    crowd = Crowd(rules=ExchangeRules(taker_delay_ns=150 * NS_PER_MS))
    crowd.show()
    stated = crowd.now_ns // S + 180
    order = crowd.place("ann", BUY, 5200, 60 * SHARES, kind=OrderType.GTD, expiration_s=stated)
    crowd.exchange.set_phase(Phase.RESTARTING, crowd.now_ns, crowd.now_ns + 150 * S)
    crowd.wait(150)
    assert (order.state, order.filled_shares) == (OrderState.EXPIRED, 50 * SHARES)
