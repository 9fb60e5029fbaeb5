"""`polybot cancel-all`: cancels our resting orders, whether or not the trader runs."""

import time
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import uuid4

import msgspec
import typer

from polybot.bootstrap.account import open_account
from polybot.cli.account_view import AccountView, open_view
from polybot.cli.consent import Yes, ask_first
from polybot.cli.conversation import OPERATOR, Conversation
from polybot.cli.exits import CommandError, Exit, Late
from polybot.cli.options import Json
from polybot.cli.orders import ListedOrder, listed
from polybot.cli.output import plural, say, show_json, warn
from polybot.config.load import load
from polybot.messages.commands import CancelOrders, OrdersCanceling

EXAMPLES = (
    "polybot cancel-all",
    "polybot cancel-all --series btc-updown-5m --yes",
    "polybot cancel-all --all-wallet --yes --json",
)
ANSWER_S = 3.0
# A command whose answer was lost is repeated under the same id, which the trader carries out once.
ATTEMPTS = 2
POLL_S = 0.5

Series = Annotated[str, typer.Option("--series", help="Only this series, e.g. btc-updown-5m.")]
Agent = Annotated[str, typer.Option("--agent", help="Only this agent's.")]
AllWallet = Annotated[
    bool, typer.Option("--all-wallet", help="Foreign orders too: every order of the wallet.")
]
Wait = Annotated[
    float, typer.Option("--wait", help="Seconds until no order may be left.", min=0.0, max=600.0)
]


class CancelPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be canceled: `ours` through the trader when it runs, `foreign` never by it."""

    agent: str
    series: str
    ours: tuple[str, ...]
    foreign: tuple[str, ...]


class CancelReport(msgspec.Struct, frozen=True, kw_only=True):
    """How it ended; `left` are orders that the exchange still lists."""

    asked: tuple[str, ...]
    left: tuple[str, ...]
    through_trader: bool
    refused: dict[str, str] = {}


def cancel_all(
    *,
    series: Series = "",
    agent: Agent = "",
    all_wallet: AllWallet = False,
    yes: Yes = False,
    wait: Wait = 30.0,
    as_json: Json = False,
) -> None:
    """Cancel our resting orders, and look at the exchange's list until they are gone.

    The trader does it while it runs: journaled, once. When it is down, or does not answer, the
    exchange is asked directly. Orders nobody here signed are left alone without --all-wallet. Exit
    code 5 when an order is still listed in the end, 6 without --yes where nobody can be asked.
    """
    if all_wallet and (series or agent):
        raise typer.BadParameter("--all-wallet means every order: leave out --series and --agent")
    # Canceling must work whatever the configuration looks like now.
    loaded = load(join_floor=True, lenient=True, keyless=True)
    for warning in loaded.warnings:
        warn(f"warning: {warning}")
    with open_view(loaded) as view:
        plan = _plan(listed(view), agent=agent, series=series, all_wallet=all_wallet)
        ask_first(_question(plan), yes=yes)
        report = carry_out(view, plan, wait_s=wait)
    if as_json:
        show_json(as_document(report))
    else:
        _say(report)
    if report.left:
        raise typer.Exit(Exit.TIMEOUT)


def carry_out(view: AccountView, plan: CancelPlan, *, wait_s: float) -> CancelReport:
    """Cancel what is planned and wait until the exchange lists none of it any more."""
    asked = list(plan.ours)
    refused: dict[str, str] = {}
    answer = _tell_trader(view.talk, plan)
    through_trader = answer is not None
    if answer is not None:
        # What the trader sent since the listing is canceled too.
        asked = [*answer.order_ids, *(i for i in plan.ours if i not in answer.order_ids)]
    directly = plan.foreign if through_trader else (*plan.ours, *plan.foreign)
    with open_account(view.loaded) as account:
        if directly:
            refused = account.cancel(directly).not_canceled
        asked += [order_id for order_id in plan.foreign if order_id not in asked]
        deadline = time.monotonic() + wait_s
        left = _still_open(asked, {row.id for row in account.open_orders()})
        while left and time.monotonic() < deadline:
            time.sleep(POLL_S)
            left = _still_open(asked, {row.id for row in account.open_orders()})
    return CancelReport(
        asked=tuple(asked), left=left, through_trader=through_trader, refused=refused
    )


def as_document(report: CancelReport) -> dict[str, Any]:
    """Return the report as JSON values."""
    return {
        "asked": list(report.asked),
        "gone": [order_id for order_id in report.asked if order_id not in report.left],
        "left": list(report.left),
        "refused": report.refused,
        "through_trader": report.through_trader,
    }


def _plan(found: Sequence[ListedOrder], *, agent: str, series: str, all_wallet: bool) -> CancelPlan:
    ours = [
        order.wire.id
        for order in found
        if order.owner is not None
        and agent in ("", order.owner.agent)
        and series in ("", order.owner.series)
    ]
    foreign = [order.wire.id for order in found if order.owner is None] if all_wallet else []
    return CancelPlan(agent=agent, series=series, ours=tuple(ours), foreign=tuple(foreign))


def _question(plan: CancelPlan) -> str:
    also = f" and {plural(len(plan.foreign), 'foreign order')}" if plan.foreign else ""
    return f"Cancel {plural(len(plan.ours), 'order')} of ours{also}?"


def _tell_trader(talk: Conversation, plan: CancelPlan) -> OrdersCanceling | None:
    """Have the trader cancel; None when it is down, or hangs: then the exchange must be asked."""
    if not talk.is_running("trader"):
        return None
    command = CancelOrders(
        command_id=uuid4().hex,
        source=OPERATOR,
        reason="cancel-all asked by the operator",
        agent=plan.agent,
        series=plan.series,
    )
    for _ in range(ATTEMPTS):
        try:
            answer = talk.ask("trader", command, timeout_s=ANSWER_S)
        except Late as error:
            warn(f"polybot: {error}")
            continue
        if not isinstance(answer, OrdersCanceling):
            raise CommandError(f"expected the trader to name orders, was {type(answer).__name__}")
        return answer
    return None


def _still_open(asked: Sequence[str], listed_ids: set[str]) -> tuple[str, ...]:
    return tuple(order_id for order_id in asked if order_id in listed_ids)


def _say(report: CancelReport) -> None:
    for order_id in report.asked:
        state = "still open" if order_id in report.left else "gone"
        why = f": {report.refused[order_id]}" if order_id in report.refused else ""
        say(f"{state}  {order_id}{why}")
    if report.left:
        warn(f"polybot: {plural(len(report.left), 'order')} still listed; try again")
    say(f"{plural(len(report.asked) - len(report.left), 'order')} canceled or gone")
    if not report.through_trader:
        say("the trader was down or did not answer; it will see this when it reconciles")
    elif report.asked:
        say("strategies may order again; `polybot stopentry` stops entries")
