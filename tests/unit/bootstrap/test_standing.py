import pytest

from polybot.bootstrap.standing import standing_leave, standing_stops
from polybot.domain.arming import Arming, ArmingState, ArmingVerdict
from polybot.domain.risk_limits import RiskLimits
from polybot.domain.trading_state import Claim, TradingState
from polybot.runtime.banner import StandingStop
from polybot.services.trader.state import TraderState

HOUR_NS = 3_600_000_000_000
LIMITS = RiskLimits(max_consecutive_losses=3, pause_ns=HOUR_NS)


def stops(state: TraderState, *, now_ns: int = 0) -> tuple[StandingStop, ...]:
    return standing_stops(state, LIMITS, ["capture", "careful"], now_ns=now_ns)


def claimed(source: str, state: TradingState = TradingState.REDUCING) -> TraderState:
    return TraderState(claims=(Claim(source=source, state=state, reason="why", since_ns=5),))


def test_nothing_claimed_is_nothing_standing() -> None:
    assert stops(TraderState()) == ()


@pytest.mark.parametrize(
    ("source", "state", "ends"),
    [
        ("operator", TradingState.HALTED, "until `polybot resume`"),
        ("operator", TradingState.REDUCING, "until `polybot resume`"),
        ("order_ids", TradingState.HALTED, "until `polybot resume`"),
        ("watchdog", TradingState.REDUCING, "until the watchdog takes it back"),
        (
            "crash_loop",
            TradingState.REDUCING,
            "until it has run long enough without a crash, or `polybot resume`",
        ),
        ("daily_loss", TradingState.REDUCING, "until the trading day is over"),
    ],
)
def test_a_claim_keeps_its_time_and_says_what_ends_it(
    source: str, state: TradingState, ends: str
) -> None:
    [stop] = stops(claimed(source, state))
    assert stop.what == f"{state.value} by {source}"
    assert (stop.reason, stop.since_ns, stop.ends) == ("why", 5, ends)


@pytest.mark.parametrize("source", ["reconcile", "user_stream", "api_errors", "silent_watchdog"])
def test_what_a_new_life_judges_anew_does_not_stand(source: str) -> None:
    assert stops(claimed(source)) == ()


def test_a_cool_down_stands_with_its_original_times_until_it_is_over() -> None:
    state = TraderState(losses_in_a_row={"capture": 3, "careful": 2}, last_loss_ns={"capture": 7})
    [stop] = stops(state, now_ns=HOUR_NS)
    assert (stop.since_ns, stop.until_ns) == (7, 7 + HOUR_NS)
    assert "capture" in stop.what
    assert "3 losses" in stop.reason
    assert stops(state, now_ns=8 + HOUR_NS) == ()


ARMING = Arming(
    funder="0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    signature_type=3,
    versions=("v1",),
    armed_ns=5,
    expires_ns=9,
    by="somebody",
)


def test_an_arming_stands_with_its_original_times() -> None:
    verdict = ArmingVerdict(state=ArmingState.ARMED, detail="armed", arming=ARMING)
    stop = standing_leave(verdict)
    assert stop.what.startswith("ARMED")
    assert (stop.since_ns, stop.until_ns) == (5, 9)
    assert "somebody" in stop.reason
    assert ARMING.funder not in stop.reason


@pytest.mark.parametrize("arming", [None, ARMING])
def test_what_is_not_armed_stands_too(arming: Arming | None) -> None:
    verdict = ArmingVerdict(state=ArmingState.EXPIRED, detail="it has expired", arming=arming)
    stop = standing_leave(verdict)
    assert (stop.what, stop.reason, stop.ends) == (
        "NOT ARMED",
        "it has expired",
        "until `polybot arm`",
    )


def test_the_claim_of_a_missing_arming_is_not_told_twice() -> None:
    assert stops(claimed("arming")) == ()
