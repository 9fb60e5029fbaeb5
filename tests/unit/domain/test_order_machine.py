"""An order, its fills and its position agree whatever is reported, in whatever order."""

import os
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from polybot.domain.fill import FILL_TABLE, Fill, FillStatus
from polybot.domain.market import Outcome
from polybot.domain.order import (
    ORDER_TABLE,
    TERMINAL,
    Order,
    OrderStatus,
    OrderTrigger,
    OrderType,
    Side,
)
from polybot.domain.position import Position
from polybot.errors import InvalidTransition

EXAMPLES = int(os.environ.get("POLYBOT_TEST_EXAMPLES", "60"))
FILLS = (OrderTrigger.FILL_PART, OrderTrigger.FILL_WHOLE)
OTHERS = tuple(trigger for trigger in OrderTrigger if trigger not in FILLS)
SHARES = 10_000_000


class OrderMachine(RuleBasedStateMachine):
    """Reports about one order: triggers, fills, and the stages of their settlement."""

    @initialize(side=st.sampled_from(Side), takes=st.booleans())
    def begin(self, side: Side, takes: bool) -> None:
        budget = takes and side is Side.BUY
        self.order = Order(
            intent_id="i",
            venue_order_id="0x1",
            agent="capture",
            slug="btc-updown-5m-1787236800",
            token_id="1",
            outcome=Outcome.UP,
            side=side,
            order_type=OrderType.FAK if takes else OrderType.GTC,
            price_bps=5000,
            size_shares=SHARES,
            budget_usdc=SHARES // 2 if budget else 0,
            created_ns=1,
            purpose="entry",
            status=OrderStatus.SUBMITTED,
        )
        self.position = Position(
            agent="capture", slug=self.order.slug, token_id="1", outcome=Outcome.UP
        )
        self.fills: dict[str, Fill] = {}
        self.was_shown = False

    @rule(trigger=st.sampled_from(OTHERS))
    def hear(self, trigger: OrderTrigger) -> None:
        before = self.order
        known = (before.status, trigger) in ORDER_TABLE
        try:
            self.order = before.after(trigger)
        except InvalidTransition:
            # Nothing was changed, and it was no row, or what fills outweigh.
            denies = trigger in (OrderTrigger.REJECT, OrderTrigger.PROVE_ABSENT)
            assert not known or (denies and before.filled_shares)
            return
        assert known
        if trigger is OrderTrigger.ACCEPT:
            self.was_shown = True

    def _left(self) -> int:
        return SHARES - sum(fill.size_shares for fill in self.fills.values())

    @precondition(lambda self: self._left() > 0)
    @rule(shares=st.sampled_from((SHARES, SHARES // 3, 10_000)))
    def fill(self, shares: int) -> None:
        fill = Fill(
            trade_id=f"t{len(self.fills)}",
            venue_order_id="0x1",
            agent="capture",
            slug=self.order.slug,
            token_id="1",
            outcome=Outcome.UP,
            side=self.order.side,
            price_bps=5000,
            size_shares=min(shares, self._left()),
            fee_usdc=7,
            is_maker=False,
            matched_ns=len(self.fills) + 1,
        )
        self.fills[fill.trade_id] = fill
        self.order = self.order.with_fill(**_amounts(fill))
        self.position = self.position.apply_fill(fill)
        self.was_shown = True

    @precondition(lambda self: self.fills)
    @rule(pick=st.integers(0, 31), status=st.sampled_from(FillStatus))
    def settle(self, pick: int, status: FillStatus) -> None:
        known = list(self.fills.values())[pick % len(self.fills)]
        if (known.status, status) not in FILL_TABLE:
            with pytest.raises(InvalidTransition):
                known.reported(status)
            return
        after = known.reported(status)
        self.fills[after.trade_id] = after
        self.position = self.position.apply_fill(after)
        if known.counts and not after.counts:
            self.order = self.order.without_fill(**_amounts(known))

    @invariant()
    def sums_are_those_of_the_fills(self) -> None:
        if not hasattr(self, "order"):
            return
        counted = [fill for fill in self.fills.values() if fill.counts]
        failed = [fill for fill in self.fills.values() if not fill.counts]
        order, position = self.order, self.position
        assert order.filled_shares == sum(fill.size_shares for fill in counted)
        assert order.filled_usdc == sum(fill.notional_usdc for fill in counted)
        assert order.fee_usdc == sum(fill.fee_usdc for fill in counted)
        assert order.failed_shares == sum(fill.size_shares for fill in failed)
        assert position.shares == sum(fill.signed_shares for fill in counted)
        assert position.cash_usdc == sum(fill.cash_usdc for fill in counted)

    @invariant()
    def what_is_open_is_what_met_nobody(self) -> None:
        if not hasattr(self, "order"):
            return
        order = self.order
        assert order.open_shares == (0 if order.is_terminal else self._left())
        whole = self._left() == 0
        assert order.is_complete is whole or order.budget_usdc > 0
        if order.status is OrderStatus.FILLED:
            assert order.is_complete

    @invariant()
    def fills_and_sightings_are_never_denied(self) -> None:
        if not hasattr(self, "order"):
            return
        assert not (self.was_shown and not self.order.placed)
        if self.order.filled_shares:
            assert self.order.status not in (OrderStatus.NOT_PLACED, OrderStatus.REJECTED)

    def teardown(self) -> None:
        """Whatever came before: what a look-up can tell ends the order."""
        if not hasattr(self, "order") or self.order.is_terminal:
            return
        for trigger in (OrderTrigger.CANCEL, OrderTrigger.PROVE_ABSENT):
            if (self.order.status, trigger) in ORDER_TABLE:
                assert self.order.after(trigger).status in TERMINAL
                return
        raise AssertionError(f"nothing ends an order that is {self.order.status.value}")


def _amounts(fill: Fill) -> dict[str, Any]:
    return {
        "size_shares": fill.size_shares,
        "notional_usdc": fill.notional_usdc,
        "fee_usdc": fill.fee_usdc,
    }


OrderMachine.TestCase.settings = settings(max_examples=EXAMPLES, stateful_step_count=30)
TestOrderMachine = OrderMachine.TestCase
