"""Each refusal is answered by what its kind asks for: a pause, a fresh look, a claim."""

from typing import Any

import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import OrderType, Side
from polybot.domain.trading_state import OPERATOR, TradingState
from polybot.errors import ExchangeError, OutcomeUnknown, ProtocolError, Unauthorized
from polybot.exchange import error_texts as texts
from polybot.exchange.classify import classify
from polybot.exchange.meanings import ADVICE
from polybot.ports import CancelAnswer
from polybot.services.trader.order_answers import Refusal
from polybot.services.trader.order_gate import PROBE_NS, OrderGate, bucket_of
from polybot.services.trader.preflight import WindowChecks
from polybot.services.trader.refusal_actions import (
    BALANCE_PROBE_NS,
    BALANCE_WAIT_NS,
    LOGIN_SPELL_NS,
    MARKET_WAIT_NS,
    SPELL_NS,
    RefusalActions,
)
from polybot.strategies.base import Intent
from tests.story import market_at
from tests.unit.services.trader.books import Books
from tests.unit.services.trader.fakes_exchange import FakePreflight, accepted, passed, snapshot

S = 1_000_000_000
SLUG = market_at().slug
ENTRY = Intent(
    outcome=Outcome.UP,
    side=Side.BUY,
    order_type=OrderType.FAK,
    price_bps=9400,
    budget_usdc=10_000_000,
    purpose="entry",
)
EXIT = Intent(
    outcome=Outcome.UP,
    side=Side.SELL,
    order_type=OrderType.FAK,
    price_bps=9400,
    size_shares=10_000_000,
    purpose="hard_stop",
)


def told(text: str, status: int = 400, retry_after: str = "") -> ExchangeError:
    return classify(status, b'{"error":"%s"}' % text.encode(), retry_after=retry_after)


class Case:
    """The actions around one market that may be entered."""

    def __init__(self) -> None:
        self.books = Books()
        self.answers = self.books.answers
        self.claims = self.books.claims
        self.checks: WindowChecks = passed(self.books.keeper, self.claims, market_at())
        self.preflight = FakePreflight()
        self.checks.preflight = self.preflight
        self.gate = OrderGate(bucket_of(30), bucket_of(60), self.checks)
        self.actions = RefusalActions(
            self.answers, self.claims, self.books.access, self.gate, self.checks, self.preflight
        )

    def refuse(self, error: Any, now_ns: int = 0, slug: str = SLUG) -> None:
        self.answers.refused.append(Refusal(slug, error))
        self.actions.turn(now_ns)

    def entry_waits(self, now_ns: int, slug: str = SLUG) -> bool:
        return bool(self.gate.why_wait(slug, ENTRY, now_ns))

    def exit_waits(self, now_ns: int) -> bool:
        return bool(self.gate.why_wait(SLUG, EXIT, now_ns))


@pytest.fixture
def case() -> Case:
    return Case()


@pytest.mark.parametrize(
    "error",
    [
        told(texts.FAK_NO_MATCH),
        told(texts.FOK_NOT_FILLED),
        told("something new"),
        OutcomeUnknown("reset"),
        ProtocolError("garbage"),
    ],
    ids=str,
)
def test_a_normal_outcome_and_an_unknown_one_ask_for_nothing(case: Case, error: Any) -> None:
    case.refuse(error)
    assert not case.entry_waits(0)
    assert case.claims.state is TradingState.ACTIVE
    assert case.answers.refused == []


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (texts.ENGINE_RESTARTING, 425),
        (texts.CANCEL_ONLY, 503),
        (texts.TRADING_DISABLED, 503),
        (texts.TOO_MANY_REQUESTS, 429),
    ],
)
def test_a_pause_of_the_exchange_is_waited_out_as_long_as_it_says(
    case: Case, text: str, status: int
) -> None:
    case.refuse(told(text, status, retry_after="7"))
    assert case.entry_waits(7 * S - 1)
    assert not case.entry_waits(7 * S)
    assert case.exit_waits(PROBE_NS - 1)
    assert not case.exit_waits(PROBE_NS)


def test_where_it_does_not_say_patience_doubles_up_to_four_seconds(case: Case) -> None:
    now = 0
    for seconds in (1, 2, 4, 4):
        case.refuse(told(texts.ENGINE_RESTARTING, 425), now)
        assert case.entry_waits(now + seconds * S - 1)
        assert not case.entry_waits(now + seconds * S)
        now += seconds * S
    case.refuse(told(texts.ENGINE_RESTARTING, 425), now + SPELL_NS)
    assert not case.entry_waits(now + SPELL_NS + S)


def test_post_only_mode_holds_takers_back(case: Case) -> None:
    body = b'{"error":"post-only mode: only post-only orders and cancels are allowed",'
    case.refuse(classify(503, body + b'"retry_after_seconds":79}'))
    assert case.entry_waits(78 * S)
    assert case.gate.everything.takers_only


def test_a_market_that_is_not_ready_waits_alone(case: Case) -> None:
    case.refuse(told(texts.MARKET_NOT_READY))
    assert case.entry_waits(0)
    assert case.gate.everything is None


def test_a_wrong_tick_has_the_market_read_anew_and_entries_wait_for_that(case: Case) -> None:
    case.preflight.silent = True
    case.refuse(told(texts.breaks_tick("0xab", "0.955", "0.01")))
    assert case.preflight.asked == [SLUG]
    assert case.entry_waits(MARKET_WAIT_NS - 1)
    case.preflight.silent = False
    case.preflight.request(market_at())
    case.checks.turn(market_at().open_ns, 1)
    case.actions.turn(1)
    assert not case.entry_waits(1)


def test_missing_funds_are_looked_at_anew_and_entries_wait_for_that(case: Case) -> None:
    case.refuse(told(texts.balance_too_low(0, 10)))
    assert case.preflight.refreshed == [""]
    assert case.answers.snapshot_wanted
    assert case.entry_waits(BALANCE_WAIT_NS - 1)
    assert (list(case.gate.markets), case.gate.everything) == ([SLUG], None)
    assert case.claims.state is TradingState.ACTIVE
    assert case.exit_waits(BALANCE_PROBE_NS - 1)
    assert not case.exit_waits(BALANCE_PROBE_NS)
    case.actions.snapshot(snapshot(error=OutcomeUnknown("slow")))
    assert case.entry_waits(0)
    case.actions.snapshot(snapshot())
    assert not case.entry_waits(0)


def test_refused_credentials_are_renewed_once_and_then_entries_stop(case: Case) -> None:
    refusal = told(texts.UNAUTHORIZED, 401)
    case.refuse(refusal)
    assert case.books.access.renewed == 1
    assert case.preflight.asked == [SLUG]
    assert case.claims.state is TradingState.ACTIVE
    case.refuse(refusal, LOGIN_SPELL_NS - 1)
    assert case.books.access.renewed == 1
    assert case.claims.state is TradingState.REDUCING
    assert "clock" in case.claims.describe()
    case.actions.snapshot(snapshot())
    assert case.claims.state is TradingState.ACTIVE
    case.refuse(refusal, LOGIN_SPELL_NS)
    assert case.books.access.renewed == 2


def test_a_snapshot_refused_for_its_credentials_renews_them_too(case: Case) -> None:
    case.actions.snapshot(snapshot(error=Unauthorized("no", status=401)))
    case.actions.turn(0)
    assert case.books.access.renewed == 1


def test_an_account_that_may_only_close_trades_only_out(case: Case) -> None:
    case.refuse(told(texts.closed_only("0x1")))
    assert case.claims.state is TradingState.REDUCING
    assert not case.claims.clear(OPERATOR)
    assert case.claims.clear("closed_only")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (texts.ORDER_VERSION_MISMATCH, "order_version"),
        (texts.INVALID_ORDER_VERSION, "order_version"),
        (texts.INVALID_SIGNATURE, "invalid_signature"),
        (texts.INVALID_ORDER_PAYLOAD, "invalid_payload"),
        (texts.WRONG_OWNER, "wrong_owner"),
        (texts.WRONG_SIGNER, "wrong_signer"),
        (texts.MAKER_NOT_ALLOWED, "maker_not_allowed"),
        (texts.address_banned("0x1"), "banned"),
    ],
)
def test_what_only_a_person_mends_stops_entries_until_a_person_says_so(
    case: Case, text: str, code: str
) -> None:
    case.refuse(told(text))
    assert case.claims.describe() == f"REDUCING: {ADVICE[code]}"
    assert not case.claims.clear("exchange_refusal")
    case.actions.snapshot(snapshot())
    assert case.claims.state is TradingState.REDUCING
    assert case.claims.clear(OPERATOR)


def test_the_rate_limit_s_headers_are_taken_over(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    case.actions.heard(accepted("0x1"), 0)
    assert caplog.records == []
    case.actions.heard(CancelAnswer((), {}, warned=True), 0)
    assert case.gate.orders.is_slow(1)
    assert "half the speed" in caplog.text
