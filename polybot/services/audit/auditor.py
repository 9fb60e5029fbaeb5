"""Carries out one audit: waits until the books are up to date, reads both sides, compares."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from polybot.domain.audit import (
    EVERYTHING,
    AuditExtent,
    AuditResult,
    Belief,
    Difference,
    Told,
    compare,
    in_detail,
    lasting,
)
from polybot.errors import ExchangeError, StorageError
from polybot.ports import Clock

logger = logging.getLogger(__name__)

SECOND_NS = 1_000_000_000
LOOK_AGAIN_S = 0.2


class Books(Protocol):
    """The database; both methods may raise StorageError."""

    def belief(self, extent: AuditExtent = EVERYTHING, also: Iterable[str] = ()) -> Belief:
        """Return what our books believe; orders of `also` are in it whenever they are ours."""

    def positions(self) -> dict[str, int]:
        """Return the seq of the last stored event of each source."""


class ExchangeRecords(Protocol):
    """The exchange's own routes for one account; raises ExchangeError."""

    def read(self, *, order_ids: Sequence[str], token_ids: Sequence[str], after_s: int) -> Told:
        """Return orders, trades matched at or after `after_s` (UTC seconds), cash and shares."""


class HeldTokens(Protocol):
    """Another of the exchange's services, which lists what an account holds."""

    def held(self) -> dict[str, int]:
        """Return shares by token; it may lag behind; raises ExchangeError."""


class AuditSides(msgspec.Struct, frozen=True, kw_only=True):
    """Both sides of the comparison, and time.

    `newest_seqs` asks the running processes for the seq of their newest durable event.
    """

    books: Books
    exchange: ExchangeRecords
    holdings: HeldTokens
    newest_seqs: Callable[[], dict[str, int]]
    clock: Clock
    pause: Callable[[float], None]


class AuditScope(msgspec.Struct, frozen=True, kw_only=True):
    """How much is compared one by one, and how patiently; wall seconds.

    `money_s` is for what differs in cash and positions alone: a deposit or a trade by hand is in
    our books only when two sweeps have seen it.
    """

    extent: AuditExtent = EVERYTHING
    catch_up_s: float = 10.0
    settle_s: float = 10.0
    money_s: float = 0.0

    @property
    def patience_s(self) -> float:
        """How long a difference in money alone may last."""
        return max(self.settle_s, self.money_s)


def run_audit(sides: AuditSides, scope: AuditScope) -> AuditResult:
    """Compare until both sides agree, or differ in the same way until the time is up.

    What could not be read becomes the result's `error`.
    """
    try:
        behind = _catch_up(sides, scope)
        if behind:
            return AuditResult((), 0, 0, 0, error=behind)
        return _compare_patiently(sides, scope)
    except (ExchangeError, StorageError) as error:
        return AuditResult((), 0, 0, 0, error=str(error))


def _catch_up(sides: AuditSides, scope: AuditScope) -> str:
    """Wait until the database holds what the processes had said; return what is missing, or ""."""
    wanted = sides.newest_seqs()
    deadline = sides.clock.monotonic_ns() + int(scope.catch_up_s * SECOND_NS)
    while True:
        stored = sides.books.positions()
        missing = {source: seq for source, seq in wanted.items() if stored.get(source, 0) < seq}
        if not missing:
            return ""
        if sides.clock.monotonic_ns() >= deadline:
            return "; ".join(
                f"expected events of {source} up to {seq} in the database within "
                f"{scope.catch_up_s:g} s, was {stored.get(source, 0)}: is the tracker running?"
                for source, seq in sorted(missing.items())
            )
        sides.pause(LOOK_AGAIN_S)


def _compare_patiently(sides: AuditSides, scope: AuditScope) -> AuditResult:
    began_ns = sides.clock.monotonic_ns()
    before: tuple[Difference, ...] | None = None
    pause_s = LOOK_AGAIN_S
    while True:
        belief, notes, found = _compare_once(sides, scope)
        # What one comparison shows and the next does not was on its way between the two sides.
        same = found if before is None else lasting(before, found)
        waited_s = (sides.clock.monotonic_ns() - began_ns) / SECOND_NS
        over = waited_s >= (scope.settle_s if in_detail(same) else scope.patience_s)
        if not found or (over and before is not None):
            return AuditResult(
                differences=tuple(difference.text for difference in same),
                orders=belief.all_orders,
                fills=belief.all_fills,
                windows=belief.windows,
                notes=(*belief.notes, *notes),
                compared=len(belief.orders),
                # Where an order or a fill differs, the next audit must look at it again.
                through=scope.extent.since if in_detail(same) else belief.through,
            )
        before = found
        sides.pause(pause_s)
        pause_s = min(2 * pause_s, 2.0 if waited_s < scope.settle_s else 10.0)


def _compare_once(
    sides: AuditSides, scope: AuditScope
) -> tuple[Belief, tuple[str, ...], tuple[Difference, ...]]:
    earlier = sides.books.belief(scope.extent)
    holdings, notes = _holdings(sides)
    told = sides.exchange.read(
        order_ids=tuple(earlier.orders),
        token_ids=tuple(sorted({*earlier.tokens(), *holdings})),
        after_s=earlier.since_ns // SECOND_NS,
    )
    strangers = tuple(order_id for order_id in told.orders if order_id not in earlier.orders)
    if strangers:
        # It lists an order that nothing said anything of since the last audit.
        earlier = sides.books.belief(scope.extent, strangers)
    # The exchange was read somewhere between the two looks at our books.
    later = sides.books.belief(scope.extent, strangers)
    found = lasting(compare(earlier, told), compare(later, told))
    return msgspec.structs.replace(later, through=earlier.through), notes, found


def _holdings(sides: AuditSides) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return what the other service lists; it only adds tokens to ask for, so it may fail."""
    try:
        return sides.holdings.held(), ()
    except ExchangeError as error:
        logger.warning("positions of the data service: %s", error)
        return {}, (f"the exchange's list of positions could not be read: {error}",)
