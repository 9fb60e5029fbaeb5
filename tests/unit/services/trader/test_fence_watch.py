import pytest

from polybot.domain.trading_state import TradingState
from polybot.errors import FatalError
from polybot.services.trader.fence_watch import FENCE, SECOND_NS, FenceWatch
from tests.unit.services.trader.books import Books
from tests.unit.services.trader.fake_fence import FakeFence

S = SECOND_NS


class Case:
    """A trader's claims, and a fence as a test wants it."""

    def __init__(self) -> None:
        self.books = Books()
        self.fence = FakeFence()
        self.watch = FenceWatch(self.fence, self.books.claims)

    @property
    def is_claimed(self) -> bool:
        return self.books.claims.is_claimed_by(FENCE)


@pytest.fixture
def case() -> Case:
    return Case()


def test_a_start_without_a_fence_claims_nothing(case: Case) -> None:
    case.watch.begin()

    assert case.books.claims.state is TradingState.ACTIVE


def test_a_start_behind_a_fence_that_is_not_cleared_enters_nothing_until_it_is(case: Case) -> None:
    case.fence.cleared = False
    case.watch.begin()
    assert case.books.claims.state is TradingState.REDUCING

    case.watch.turn(S)
    assert case.is_claimed
    case.fence.cleared = True
    case.watch.turn(S + 1)
    assert case.is_claimed, "it looks once a second"
    case.watch.turn(2 * S)

    assert not case.is_claimed


def test_what_an_earlier_life_claimed_is_taken_back_at_the_start(case: Case) -> None:
    case.fence.cleared = False
    case.watch.begin()
    case.fence.cleared = True

    FenceWatch(case.fence, case.books.claims).begin()

    assert not case.is_claimed


def test_a_session_ends_behind_a_raised_fence(case: Case) -> None:
    case.watch.end_if_raised()
    case.fence.raised = "the watchdog raised the fence to epoch 2"

    with pytest.raises(FatalError, match="shut out: the watchdog raised the fence to epoch 2"):
        case.watch.end_if_raised()
    with pytest.raises(FatalError, match="shut out"):
        case.watch.begin()
