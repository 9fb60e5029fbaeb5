"""What the trader does about each refusal of the exchange, by the action its kind asks for."""

import logging
from collections.abc import Callable

import msgspec

from polybot.domain.trading_state import EXCHANGE_REFUSAL, TradingState
from polybot.errors import (
    Action,
    ExchangeError,
    PolybotError,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from polybot.exchange.meanings import ADVICE, CLOSED_ONLY, POST_ONLY
from polybot.ports import AccountSnapshot, CancelAnswer, ExchangeAccess, PostAnswer, Preflight
from polybot.services.trader.claims import TradingClaims
from polybot.services.trader.order_answers import OrderAnswers, Refusal
from polybot.services.trader.order_gate import PROBE_NS, OrderGate, Pause
from polybot.services.trader.preflight import WindowChecks

logger = logging.getLogger(__name__)

SECOND_NS = 1_000_000_000
# Patience where the exchange does not say how much: it doubles while refusals go on.
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 4.0
# A refusal this long after the one before begins anew.
SPELL_NS = 30 * SECOND_NS
MARKET_WAIT_NS = 5 * SECOND_NS
MARKET_PROBE_NS = SECOND_NS // 2
BALANCE_WAIT_NS = 30 * SECOND_NS
BALANCE_PROBE_NS = SECOND_NS
# Credentials refused again this soon after a login are not the trouble.
LOGIN_SPELL_NS = 60 * SECOND_NS
LOGIN = "login"
LOGIN_ADVICE = (
    "the exchange refuses the API credentials even after a new login: "
    "check this machine's clock and the wallet (polybot doctor)"
)


class RefusalActions(msgspec.Struct):
    """Carries out, once a turn, what the turn's refusals ask for."""

    answers: OrderAnswers
    claims: TradingClaims
    access: ExchangeAccess
    gate: OrderGate
    checks: WindowChecks
    preflight: Preflight
    _wait_s: float = FIRST_WAIT_S
    _refused_ns: int | None = None
    _login_ns: int | None = None
    _short_of_funds: set[str] = msgspec.field(default_factory=set)
    _asked_anew: set[str] = msgspec.field(default_factory=set)

    def turn(self, now_ns: int) -> None:
        """Act on what was refused since the last turn."""
        refused, self.answers.refused = self.answers.refused, []
        for refusal in refused:
            act = _ACTS.get(action_of(refusal.error))
            if act is not None:
                act(self, refusal, now_ns)
        for slug in [slug for slug in self._asked_anew if not self.checks.is_waiting(slug)]:
            self._asked_anew.discard(slug)
            self.gate.release(slug)

    def heard(self, answer: PostAnswer | CancelAnswer, now_ns: int) -> None:
        """Take over what an answer says of the exchange's own rate limit."""
        remaining = answer.remaining if isinstance(answer, PostAnswer) else None
        if self.gate.heard(remaining=remaining, warned=answer.warned, now_ns=now_ns):
            logger.warning("the exchange warns of its rate limit: going at half the speed")

    def snapshot(self, snapshot: AccountSnapshot) -> None:
        """Let markets short of funds go on after a snapshot; refused credentials are renewed."""
        if isinstance(snapshot.error, Unauthorized):
            self.answers.refused.append(Refusal("", snapshot.error))
        if snapshot.error is not None:
            return
        for slug in self._short_of_funds:
            self.gate.release(slug)
        self._short_of_funds.clear()
        # Whoever answers a snapshot took the credentials.
        self.claims.clear(LOGIN)

    def _retry_later(self, refusal: Refusal, now_ns: int) -> None:
        error = refusal.error
        wait_ns = int(self._patience_s(error, now_ns) * SECOND_NS)
        pause = Pause(
            reason=f"the exchange asks to wait ({_code(error)})",
            until_ns=now_ns + wait_ns,
            probe_ns=now_ns + min(wait_ns, PROBE_NS),
            takers_only=_code(error) == POST_ONLY,
        )
        if isinstance(error, Unavailable | RateLimited):
            if self.gate.everything is None or now_ns >= self.gate.everything.until_ns:
                logger.warning("orders wait %.1f s: %s", wait_ns / 1e9, error)
            self.gate.pause_everything(pause)
        else:
            self.gate.pause_market(refusal.slug, pause)

    def _refresh_market(self, refusal: Refusal, now_ns: int) -> None:
        logger.warning("%s: reading its tick and sizes anew: %s", refusal.slug, refusal.error)
        self._pause_market(refusal, now_ns, MARKET_WAIT_NS, MARKET_PROBE_NS)
        self._asked_anew.add(refusal.slug)
        self.checks.ask_again(refusal.slug, now_ns)

    def _refresh_balance(self, refusal: Refusal, now_ns: int) -> None:
        self._pause_market(refusal, now_ns, BALANCE_WAIT_NS, BALANCE_PROBE_NS)
        self._short_of_funds.add(refusal.slug)
        self.answers.snapshot_wanted = True
        self.preflight.refresh_balance(refusal.token_id)

    def _refresh_login(self, refusal: Refusal, now_ns: int) -> None:
        last = self._login_ns
        if last is not None and now_ns - last < LOGIN_SPELL_NS:
            self.claims.claim(LOGIN, TradingState.REDUCING, LOGIN_ADVICE)
            return
        self._login_ns = now_ns
        self.access.renew()
        # What refused us may be the clock: the preflight looks at it again.
        self.checks.ask_again(refusal.slug, now_ns)

    def _exits_only(self, _: Refusal, __: int) -> None:
        self.claims.claim(CLOSED_ONLY, TradingState.REDUCING, ADVICE[CLOSED_ONLY])

    def _stop(self, refusal: Refusal, _: int) -> None:
        advice = ADVICE.get(_code(refusal.error), str(refusal.error))
        self.claims.claim(EXCHANGE_REFUSAL, TradingState.REDUCING, advice)

    def _pause_market(self, refusal: Refusal, now_ns: int, wait_ns: int, probe_ns: int) -> None:
        reason = f"the exchange refused the last order ({_code(refusal.error)})"
        self.gate.pause_market(refusal.slug, Pause(reason, now_ns + wait_ns, now_ns + probe_ns))

    def _patience_s(self, error: PolybotError, now_ns: int) -> float:
        last, self._refused_ns = self._refused_ns, now_ns
        if last is None or now_ns - last > SPELL_NS:
            self._wait_s = FIRST_WAIT_S
        asked = error.retry_after_s if isinstance(error, ExchangeError) else 0.0
        if asked:
            return asked
        wait_s, self._wait_s = self._wait_s, min(self._wait_s * 2, LONGEST_WAIT_S)
        return wait_s


def action_of(error: PolybotError) -> Action:
    """Return what an error asks for; one that is not the exchange's own proves nothing."""
    return error.action if isinstance(error, ExchangeError) else Action.LOOK_UP


def _code(error: PolybotError) -> str:
    return error.code if isinstance(error, ExchangeError) else type(error).__name__


_ACTS: dict[Action, Callable[[RefusalActions, Refusal, int], None]] = {
    Action.RETRY_LATER: RefusalActions._retry_later,  # noqa: SLF001
    Action.REFRESH_MARKET: RefusalActions._refresh_market,  # noqa: SLF001
    Action.REFRESH_BALANCE: RefusalActions._refresh_balance,  # noqa: SLF001
    Action.REFRESH_LOGIN: RefusalActions._refresh_login,  # noqa: SLF001
    Action.EXITS_ONLY: RefusalActions._exits_only,  # noqa: SLF001
    Action.STOP: RefusalActions._stop,  # noqa: SLF001
}
