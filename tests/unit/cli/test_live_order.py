"""The doctor's one real order: found by every route and taken back, whatever happens to it."""

from typing import Any

import pytest

from polybot.adapters.live_order import Posted
from polybot.cli.checks import CheckStatus, Row
from polybot.cli.live_order import Attempt, Tools, Tried, fix_of, try_order
from polybot.domain.market import Market, Outcome
from polybot.domain.order import Order, OrderType
from polybot.errors import ExchangeError, OutcomeUnknown, Rejected, Unavailable
from polybot.ports import SignedOrder, VenueOrder
from tests.story import market_at

ORDER_ID = "0xfeed"
ATTEMPT = Attempt("0xfunder", 3, market_at(), Outcome.UP, 1_800_000_000_000_000_000)


class Signer:
    """Signs nothing; keeps what it was asked to sign."""

    address = funder = "0xfunder"

    def __init__(self) -> None:
        self.orders: list[tuple[Order, bool]] = []

    def sign(
        self, order: Order, market: Market, *, salt: int, timestamp_ms: int, post_only: bool
    ) -> SignedOrder:
        assert 0 <= salt < 1 << 53
        assert market.slug == order.slug
        assert timestamp_ms * 1_000_000 == ATTEMPT.now_ns
        self.orders.append((order, post_only))
        return SignedOrder(ORDER_ID, b"{}")


class Exchange:
    """One order's life at an exchange that misbehaves as a test says."""

    def __init__(self, **faults: Any) -> None:
        self.faults = faults
        self.resting: dict[str, str] = {}
        self.posts = 0

    def post(self, order: SignedOrder) -> Posted:
        self.posts += 1
        if not self.faults.get("lost_before"):
            self.resting[order.venue_order_id] = "LIVE"
        if "post" in self.faults:
            raise self.faults["post"]
        return Posted(self.faults.get("told_id", order.venue_order_id.upper()), "live")

    def find(self, order_id: str) -> VenueOrder | None:
        if self.faults.get("unfindable") and self.resting.get(order_id) == "LIVE":
            return None
        status = self.resting.get(order_id)
        if status is None:
            return None
        return VenueOrder(order_id, "1", "BUY", status, 100, 5_000_000, 0, "GTC")

    def is_listed(self, order_id: str) -> bool:
        if "listing" in self.faults:
            raise self.faults["listing"]
        return self.resting.get(order_id) == "LIVE"

    def cancel(self, order_id: str) -> str:
        if self.faults.get("uncancelable"):
            return "order match delayed"
        if order_id not in self.resting:
            return "order not found"
        self.resting[order_id] = "CANCELED"
        return ""


class Watch:
    """A user stream that connects and tells, unless a test says otherwise."""

    def __init__(self, *, connects: bool = True, tells: bool = True) -> None:
        self.connects, self.tells = connects, tells

    def wait_connected(self, seconds: float) -> bool:
        return self.connects and seconds > 0

    def wait_for(self, order_id: str, seconds: float) -> bool:
        assert order_id == ORDER_ID
        return self.tells and seconds > 0


class Pending:
    """Remembers an id; `written` is every one there ever was."""

    def __init__(self, order_id: str = "") -> None:
        self.order_id = order_id
        self.written: list[str] = []

    def read(self) -> str:
        return self.order_id

    def write(self, order_id: str) -> None:
        self.order_id = order_id
        self.written.append(order_id)


class Trial:
    """One try with fakes around it."""

    def __init__(self, pending: str = "", watch: Watch | None = None, **faults: Any) -> None:
        self.exchange, self.pending, self.signer = Exchange(**faults), Pending(pending), Signer()
        self.watch = watch or Watch()

    def run(self) -> Tried:
        return try_order(
            Tools(self.exchange, self.signer, self.watch, self.pending, lambda _: None), ATTEMPT
        )


def assert_fails(row: Row, words: str) -> None:
    assert row.status is CheckStatus.FAIL
    assert words in row.detail
    assert row.fix


def test_an_order_that_is_found_everywhere_is_the_proof_and_is_taken_back() -> None:
    trial = Trial()
    tried = trial.run()
    assert tried.row.status is CheckStatus.OK
    assert tried.proof is not None
    assert tried.proof.holds
    assert (tried.proof.signature_type, tried.proof.version, tried.proof.funder) == (
        3,
        "v1",
        "0xfunder",
    )
    assert trial.exchange.resting == {ORDER_ID: "CANCELED"}
    assert trial.pending.written == [ORDER_ID, ""]


def test_it_is_the_smallest_order_far_from_the_book_and_never_takes() -> None:
    trial = Trial()
    trial.run()
    ((order, post_only),) = trial.signer.orders
    assert post_only
    assert order.order_type is OrderType.GTC
    assert (order.price_bps, order.size_shares) == (100, 5_000_000)


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        ("maker address not allowed, please use the deposit wallet flow", "polybot init"),
        ("the order signer address has to be the address of the API KEY", "polybot init"),
        ("invalid signature", "polybot init"),
        ("not enough balance / allowance", "polybot wallet approve"),
        ("'0x1' address in closed only mode", "only sell"),
        ("order_version_mismatch", "update polybot"),
        ("Unauthorized/Invalid api key", "check the clock"),
        ("Trading is currently cancel-only mode", "wait until"),
        ("something new", "the exchange's words"),
    ],
)
def test_row_live_order_fails_with_what_a_refusal_means(words: str, fix: str) -> None:
    trial = Trial(post=Rejected(words, status=400), lost_before=True)
    tried = trial.run()
    assert_fails(tried.row, words)
    assert fix in tried.row.fix
    assert tried.proof is None
    assert trial.pending.order_id == ""


def test_row_live_order_fails_when_the_exchange_names_it_otherwise() -> None:
    trial = Trial(told_id="0xbad")
    tried = trial.run()
    assert_fails(tried.row, "calls it 0xbad, we computed 0xfeed")
    assert tried.proof is None
    assert trial.exchange.resting[ORDER_ID] == "CANCELED"


@pytest.mark.parametrize(
    ("trial", "words"),
    [
        (Trial(unfindable=True), "GET /data/order does not know it"),
        (Trial(listing=ExchangeError("no")), "GET /data/orders does not list it"),
        (Trial(watch=Watch(tells=False)), "the user stream does not tell of it"),
    ],
    ids=["by id", "in the list", "on the stream"],
)
def test_row_live_order_fails_when_one_route_does_not_show_it(trial: Trial, words: str) -> None:
    tried = trial.run()
    assert_fails(tried.row, words)
    assert tried.proof is None
    assert trial.exchange.resting[ORDER_ID] == "CANCELED"


def test_row_live_order_fails_and_stays_remembered_when_it_cannot_be_canceled() -> None:
    trial = Trial(uncancelable=True)
    tried = trial.run()
    assert_fails(tried.row, "may still rest")
    assert "cancel-all" in tried.row.fix
    assert trial.pending.order_id == ORDER_ID


def test_without_a_readable_answer_the_order_is_looked_for_and_taken_back() -> None:
    trial = Trial(post=OutcomeUnknown("timeout"))
    tried = trial.run()
    assert_fails(tried.row, "it was taken back")
    assert trial.exchange.resting == {ORDER_ID: "CANCELED"}
    assert (trial.exchange.posts, trial.pending.order_id) == (1, "")


def test_an_order_nobody_knows_after_a_lost_answer_stays_remembered() -> None:
    trial = Trial(post=OutcomeUnknown("timeout"), lost_before=True)
    tried = trial.run()
    assert_fails(tried.row, "may still rest")
    assert (trial.exchange.posts, trial.pending.order_id) == (1, ORDER_ID)


def test_no_order_is_sent_while_the_user_stream_does_not_connect() -> None:
    trial = Trial(watch=Watch(connects=False))
    assert_fails(trial.run().row, "no order was sent")
    assert trial.exchange.posts == 0
    assert trial.pending.written == []


def test_what_an_earlier_doctor_left_is_taken_back_first() -> None:
    trial = Trial(pending="0xold")
    trial.exchange.resting["0xold"] = "LIVE"
    assert trial.run().row.status is CheckStatus.OK
    assert trial.exchange.resting["0xold"] == "CANCELED"


def test_an_earlier_order_that_arrives_late_is_taken_back_too() -> None:
    trial = Trial(pending="0xold")
    waits: list[float] = []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            trial.exchange.resting["0xold"] = "LIVE"

    tools = Tools(trial.exchange, trial.signer, trial.watch, trial.pending, pause)
    assert try_order(tools, ATTEMPT).row.status is CheckStatus.OK
    assert trial.exchange.resting["0xold"] == "CANCELED"


def test_no_order_is_sent_while_an_earlier_one_cannot_be_canceled() -> None:
    trial = Trial(pending="0xold", uncancelable=True)
    trial.exchange.resting["0xold"] = "LIVE"
    assert_fails(trial.run().row, "an earlier order 0xold cannot be canceled")
    assert trial.exchange.posts == 0


class KilledError(BaseException):
    """Ends a doctor wherever it is, as a kill does: nothing after it runs."""


class Killable:
    """Ends whoever uses it at one of its calls, before or after it is carried out."""

    def __init__(self, inner: Any, steps: list[int], when: str) -> None:
        self._inner, self._steps, self._when = inner, steps, when

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._inner, name)

        def call(*values: Any) -> Any:
            self._steps[0] -= 1
            if self._steps[0] == 0 and self._when == "before":
                raise KilledError
            answer = real(*values)
            if self._steps[0] == 0:
                raise KilledError
            return answer

        return call


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_step_one_order_rests_at_most_and_the_next_doctor_takes_it_back(
    when: str,
) -> None:
    for kill_at in range(1, 30):
        trial, steps = Trial(), [kill_at]
        tools = Tools(
            Killable(trial.exchange, steps, when),
            trial.signer,
            trial.watch,
            Killable(trial.pending, steps, when),
            lambda _: None,
        )
        try:
            tried = try_order(tools, ATTEMPT)
        except KilledError:
            resting = [key for key, status in trial.exchange.resting.items() if status == "LIVE"]
            assert resting in ([], [trial.pending.order_id]), kill_at
            assert trial.run().row.status is CheckStatus.OK
            assert "LIVE" not in trial.exchange.resting.values(), kill_at
            assert trial.exchange.posts <= 2
            continue
        assert tried.row.status is CheckStatus.OK
        assert kill_at > 7, "every step was tried"
        return
    raise AssertionError("expected an end, was none")


def test_the_words_of_an_unreachable_exchange_have_a_fix_too() -> None:
    assert fix_of(Unavailable("no route"))
