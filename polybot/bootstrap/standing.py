"""What an earlier life of the trader left in force: halts, stops and cool-downs, for the banner."""

from collections.abc import Iterable

from polybot.domain.arming import ArmingVerdict
from polybot.domain.risk_limits import RiskLimits
from polybot.domain.trading_state import OPERATOR, Claim, ends_only_by_person, strictest_first
from polybot.runtime.banner import StandingStop
from polybot.runtime.logs import mask_wallet
from polybot.services.trader.arming import ARMING
from polybot.services.trader.claims import RECONCILE
from polybot.services.trader.crash_brake import CRASH_LOOP
from polybot.services.trader.dead_man import API_ERRORS, SILENCE_NS
from polybot.services.trader.feeds import USER_STREAM
from polybot.services.trader.state import TraderState
from polybot.services.trader.windows_over import DAILY_LOSS

# Claims about this very moment: they belong to the life that made them, a new one looks again.
_MOMENTARY = frozenset(
    {ARMING, RECONCILE, USER_STREAM, API_ERRORS, *(f"silent_{process}" for process in SILENCE_NS)}
)
_BY_PERSON = "until `polybot resume`"


def standing_stops(
    state: TraderState, limits: RiskLimits, agents: Iterable[str], *, now_ns: int
) -> tuple[StandingStop, ...]:
    """Return what still keeps the trader from trading freely, strictest first; wall time."""
    stops = [
        StandingStop(
            what=f"{claim.state.value} by {claim.source}",
            reason=claim.reason,
            since_ns=claim.since_ns,
            ends=_end_of(claim),
        )
        for claim in strictest_first(state.claims)
        if claim.source not in _MOMENTARY
    ]
    return (*stops, *_cool_downs(state, limits, agents, now_ns))


def _end_of(claim: Claim) -> str:
    if claim.source == OPERATOR or ends_only_by_person(claim):
        return _BY_PERSON
    if claim.source == CRASH_LOOP:
        return "until it has run long enough without a crash, or `polybot resume`"
    if claim.source == DAILY_LOSS:
        return "until the trading day is over"
    return f"until the {claim.source} takes it back"


def _cool_downs(
    state: TraderState, limits: RiskLimits, agents: Iterable[str], now_ns: int
) -> Iterable[StandingStop]:
    for agent in agents:
        losses = state.losses_in_a_row.get(agent, 0)
        since_ns = state.last_loss_ns.get(agent, 0)
        until_ns = since_ns + limits.pause_ns
        if losses >= limits.max_consecutive_losses and now_ns < until_ns:
            yield StandingStop(
                what=f"cool-down of agent {agent}",
                reason=f"{losses} losses in a row",
                since_ns=since_ns,
                until_ns=until_ns,
            )


def standing_leave(verdict: ArmingVerdict) -> StandingStop:
    """Return the arming as the banner shows it: first of all, with its original times."""
    arming = verdict.arming
    if arming is None or not verdict.allows_entries:
        since_ns = arming.armed_ns if arming is not None else 0
        return StandingStop(
            what="NOT ARMED", reason=verdict.detail, since_ns=since_ns, ends="until `polybot arm`"
        )
    return StandingStop(
        what="ARMED: orders are real",
        reason=f"armed by {arming.by} for {mask_wallet(arming.funder)}",
        since_ns=arming.armed_ns,
        until_ns=arming.expires_ns,
        ends="until `polybot disarm`",
    )
