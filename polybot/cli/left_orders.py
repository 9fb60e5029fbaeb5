"""Which of our orders are still open when the floor is down, and whether they may be."""

import time
from collections.abc import Callable

import msgspec

from polybot.bootstrap.account import NoCredentials, open_account
from polybot.bootstrap.own_orders import doctor_orders
from polybot.cli.account_view import AccountView, open_view
from polybot.cli.cancel_all import POLL_S, CancelPlan, carry_out
from polybot.cli.exits import Exit
from polybot.cli.orders import listed
from polybot.config.load import LoadedConfig
from polybot.config.schema import SIMULATED_MODES
from polybot.errors import PolybotError

# The exchange cancels what rests about 15 s after the last heartbeat it heard.
DEAD_MAN_S = 30.0
CANCEL_S = 30.0

_HEARTBEAT_OFF = "trader.exchange_heartbeat is off, so that orders outlive the floor"
_STANDS_STILL = "the simulated exchange stands still with the floor, and they with it"
_BOUGHT_TIME = f"neither canceled nor gone within {DEAD_MAN_S:.0f} s; try: polybot cancel-all"
_TRADER_RUNS = "the trader still runs"
_NO_LOGIN = "no API credentials here: polybot init"


class LeftOrders(msgspec.Struct, frozen=True, kw_only=True):
    """Our orders that are still open; `why` says how that comes, `problem` why nobody can tell.

    `may_rest` is whether they were to be left. `canceled` are those that this command had canceled.
    `foreign` are open orders of the wallet that nothing here knows.
    """

    order_ids: tuple[str, ...] = ()
    canceled: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    why: str = ""
    may_rest: bool = True
    problem: str = ""

    @property
    def exit(self) -> Exit:
        """How the command that left them ends."""
        if self.problem:
            return Exit.ERROR
        return Exit.TIMEOUT if self.order_ids and not self.may_rest else Exit.OK


def cancel_before(loaded: LoadedConfig) -> LeftOrders:
    """Cancel what rests at a simulated exchange, which ends with the floor; else do nothing."""
    if loaded.config.mode not in SIMULATED_MODES:
        # A real exchange is asked when nothing runs that could order again.
        return LeftOrders()
    try:
        with open_view(loaded) as view:
            return LeftOrders(canceled=_cancel(view))
    except PolybotError as error:
        return LeftOrders(problem=str(error))


def left_orders(
    loaded: LoadedConfig,
    before: LeftOrders,
    *,
    cancel: bool,
    waits: Callable[[str], None],
    trader_runs: bool = False,
) -> LeftOrders:
    """Return what is still open now that the floor is down; `waits` hears what is waited for.

    At a real exchange that is its own word: its dead man's switch is given the time to cancel, or
    everything is canceled directly when that is asked for; neither while the trader still runs.
    Never raises for an exchange that is away: the problem is part of the answer.
    """
    try:
        with open_view(loaded) as view:
            if loaded.config.mode in SIMULATED_MODES:
                return _in_books(view, before, cancel=cancel)
            try:
                if trader_runs:
                    return _beside_the_trader(view)
                return _at_exchange(view, cancel=cancel, waits=waits)
            except NoCredentials:
                return _without_login(view)
    except PolybotError as error:
        return LeftOrders(problem=str(error))


def _without_login(view: AccountView) -> LeftOrders:
    """Return that nothing is left where nothing was ever ordered; else nobody can tell."""
    locations = view.loaded.locations
    if view.reader is not None:
        may_have = bool(tuple(view.reader.open_order_ids()))
    else:
        # A database that nobody can read does not say that there is none.
        may_have = locations.ledger_path.exists()
    ordered = may_have or "trader" in locations.journals() or doctor_orders(locations.state_dir)
    return LeftOrders(problem=_NO_LOGIN) if ordered else LeftOrders()


def _in_books(view: AccountView, before: LeftOrders, *, cancel: bool) -> LeftOrders:
    found = tuple(view.reader.open_order_ids()) if view.reader is not None else ()
    # Where all of them are gone, it does not matter what went wrong on the way.
    problem = before.problem if cancel and found else ""
    return LeftOrders(
        order_ids=found,
        canceled=before.canceled,
        why=_STANDS_STILL if found else "",
        may_rest=not cancel,
        problem=problem,
    )


def _beside_the_trader(view: AccountView) -> LeftOrders:
    ours, foreign = _listed(view)
    why = _TRADER_RUNS if ours else ""
    return LeftOrders(order_ids=ours, foreign=foreign, why=why, may_rest=False)


def _at_exchange(view: AccountView, *, cancel: bool, waits: Callable[[str], None]) -> LeftOrders:
    ours, foreign = _listed(view)
    if cancel:
        canceled = _cancel(view)
        ours, foreign = _listed(view)
        return LeftOrders(
            order_ids=ours, canceled=canceled, foreign=foreign, why=_BOUGHT_TIME, may_rest=False
        )
    if not ours:
        return LeftOrders(foreign=foreign)
    if not view.loaded.config.trader.exchange_heartbeat:
        return LeftOrders(order_ids=ours, foreign=foreign, why=_HEARTBEAT_OFF)
    waits(f"{len(ours)} open, until the exchange cancels them, as no heartbeat comes any more")
    _wait_until_gone(view, ours)
    # The switch cancels strangers' orders of this login too.
    ours, foreign = _listed(view)
    why = _BOUGHT_TIME if ours else ""
    return LeftOrders(order_ids=ours, foreign=foreign, why=why, may_rest=False)


def _cancel(view: AccountView) -> tuple[str, ...]:
    ours, _ = _listed(view)
    if not ours:
        return ()
    plan = CancelPlan(agent="", series="", ours=ours, foreign=())
    report = carry_out(view, plan, wait_s=CANCEL_S)
    return tuple(order_id for order_id in report.asked if order_id not in report.left)


def _listed(view: AccountView) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what the exchange lists: our orders, and those that nobody here knows."""
    ours: list[str] = []
    foreign: list[str] = []
    doctors = doctor_orders(view.loaded.locations.state_dir)
    for order in listed(view):
        known = order.owner is not None or order.wire.id in doctors
        (ours if known else foreign).append(order.wire.id)
    return tuple(ours), tuple(foreign)


def _wait_until_gone(view: AccountView, left: tuple[str, ...]) -> None:
    deadline = time.monotonic() + DEAD_MAN_S
    with open_account(view.loaded) as account:
        while left and time.monotonic() < deadline:
            time.sleep(POLL_S)
            there = {row.id for row in account.open_orders()}
            left = tuple(order_id for order_id in left if order_id in there)
