"""The 99c capture: buy what is all but decided, hold it to a dollar, leave when it turns.

One entry a window, its exits judged to the close. The rules are those of the published BTC 15m bot
(confidence, entry filter, trend guard, danger score, exits) with their defects mended.
"""

import msgspec

from polybot.domain.order import OrderStatus, Side
from polybot.domain.risk_figures import uses_the_entry
from polybot.strategies.base import Decision, View
from polybot.strategies.capture_99c_entry import decide_entry, decide_waiting
from polybot.strategies.capture_99c_exits import decide_holding
from polybot.strategies.capture_99c_look import Look
from polybot.strategies.capture_99c_memory import CaptureMemory
from polybot.strategies.capture_99c_parameters import CaptureParameters, rules_of


class Capture99c:
    """The strategy object: immutable after construction, all state travels in the memory."""

    name: str = "capture_99c"
    doc: str = "Buy an outcome priced near a dollar late in its window, and leave it when it turns."
    parameters_type: type[msgspec.Struct] = CaptureParameters
    memory_type: type[msgspec.Struct] = CaptureMemory

    def __init__(self, parameters: CaptureParameters) -> None:
        self.parameters = parameters
        self._rules = rules_of(parameters)

    def decide(self, view: View) -> Decision:
        """Decide on one view; positions and orders say where the window stands."""
        look = Look(view=view, rules=self._rules, memory=_memory_of(view))
        _note_book(look)
        if view.remaining_s() <= 0:
            return look.hold("closed")
        _sample(look)
        if (position := look.held()) is not None:
            return decide_holding(look, position)
        entries = look.entries()
        for entry in entries:
            if not entry.is_terminal:
                return decide_waiting(look, entry)
        if any(uses_the_entry(entry) for entry in entries):
            return look.hold(_how_it_ended(look))
        return decide_entry(look)


def _memory_of(view: View) -> CaptureMemory:
    memory = view.memory
    if isinstance(memory, CaptureMemory) and memory.slug == view.market.slug:
        return memory
    return CaptureMemory(slug=view.market.slug)


def _note_book(look: Look) -> None:
    view = look.view
    look.note(
        remaining_s=round(view.remaining_s(), 3),
        up_bid_bps=view.up.bid_bps,
        up_ask_bps=view.up.ask_bps,
        down_bid_bps=view.down.bid_bps,
        down_ask_bps=view.down.ask_bps,
        up_imbalance=round(view.up.imbalance, 3),
        down_imbalance=round(view.down.imbalance, 3),
        reference_e8=view.reference.price_e8,
        strike_e8=view.reference.strike_e8,
    )


def _sample(look: Look) -> None:
    view = look.view
    known = view.up.ask_bps is not None or view.down.ask_bps is not None
    if view.new_second and known and view.now_ns >= view.market.open_ns:
        asks = look.memory.asks.appended(
            view.up.ask_bps, view.down.ask_bps, look.rules.entry_filter.history
        )
        look.remember(asks=asks)


def _how_it_ended(look: Look) -> str:
    orders = look.view.orders
    if any(order.side is Side.SELL and order.filled_shares for order in orders):
        return "exited"
    lost = any(order.status is OrderStatus.NOT_PLACED for order in look.entries())
    return "entry_lost" if lost else "entry_unfilled"
