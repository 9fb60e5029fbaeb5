"""An order that waits for a connection asks the fence before it leaves; a cancel need not."""

from polybot.errors import Unavailable
from tests.unit.adapters.test_clob_gateway import ORDER, Case, case, placed
from tests.unit.services.trader.fake_fence import FakeFence

__all__ = ["case"]


def test_an_order_behind_the_fence_was_never_sent(case: Case) -> None:
    fence = FakeFence()
    case.gateway.fence = fence
    fence.raised = "the watchdog raised the fence"

    given = case.post(placed())

    assert isinstance(given.error, Unavailable)
    assert given.error.status is None
    assert case.server.heard == []


def test_an_order_is_asked_about_since_it_was_handed_over(case: Case) -> None:
    fence = FakeFence()
    case.gateway.fence = fence
    handed_ns = case.clock.monotonic_ns()

    given = case.post(placed(ORDER.venue_order_id))

    assert given.error is None
    assert fence.asked == [handed_ns]


def test_cancels_and_reads_pass_any_fence(case: Case) -> None:
    fence = FakeFence()
    case.gateway.fence = fence
    fence.raised = "the watchdog raised the fence"

    case.cancel(placed(), "0x1")

    assert len(case.server.heard) == 1
    assert fence.asked == []
