"""Why trading is refused as a whole: the exchange's phase, closed-only accounts, a region."""

from typing import Final

from polybot.exchange import error_texts as texts
from polybot.simulator.api.desk import BAD_REQUEST, Desk, Refused
from polybot.simulator.books.accounts import AccountRow
from polybot.simulator.books.records import Phase
from polybot.simulator.faults.plan import Fault

FORBIDDEN: Final = 403
TOO_EARLY: Final = 425
UNAVAILABLE: Final = 503
_BUY: Final = "BUY"
_NS_PER_S: Final = 1_000_000_000


def refuse_phase(
    desk: Desk, now_ns: int, *, post_only: bool = False, is_cancel: bool = False
) -> None:
    """Refuse an order or a cancel that the exchange's phase does not let through.

    425 while it restarts, 503 otherwise; how long is told in wall seconds, as clients wait them.
    """
    refusal = desk.exchange.phase_refusal(now_ns, post_only=post_only, is_cancel=is_cancel)
    if refusal is None:
        return
    wall_ns = desk.world.clock.wall_ns_until(now_ns + refusal.retry_after_s * _NS_PER_S)
    # The clock names the nanosecond after the moment, which is no second more to wait.
    wait_s = refusal.retry_after_s if wall_ns is None else -(-(wall_ns - 1) // _NS_PER_S)
    is_restart = refusal.phase is Phase.RESTARTING
    is_post_only = refusal.phase is Phase.POST_ONLY
    raise Refused(
        TOO_EARLY if is_restart else UNAVAILABLE,
        refusal.text,
        code=refusal.code if is_post_only else "",
        retry_after_s=wait_s if is_post_only else 0,
        headers={"Retry-After": str(max(1, wait_s))} if is_restart or is_post_only else None,
    )


def refuse_region(desk: Desk) -> None:
    """Refuse an order from a blocked region, before it matters who signed the request."""
    if desk.timed.active(Fault.GEOBLOCKED, desk.exchange.now_ns):
        raise Refused(FORBIDDEN, texts.REGION_RESTRICTED)


def refuse_opening(desk: Desk, account: AccountRow, side: str, now_ns: int) -> None:
    """Refuse a BUY of an account that may only sell."""
    if side == _BUY and desk.timed.active(Fault.CLOSED_ONLY, now_ns):
        raise Refused(BAD_REQUEST, texts.closed_only(account.address))
