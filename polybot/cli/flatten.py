"""`polybot flatten`: has the trader cancel and sell everything it holds."""

import time
from typing import Annotated, Any
from uuid import uuid4

import msgspec
import typer

from polybot.cli.cancel_all import ANSWER_S, ATTEMPTS, Agent
from polybot.cli.consent import Yes, ask_first
from polybot.cli.conversation import OPERATOR, Conversation, conversation
from polybot.cli.exits import CommandError, Exit, Late, Refused
from polybot.cli.options import Json
from polybot.cli.output import dollars, plural, say, show_json, warn
from polybot.config.load import load
from polybot.domain.money import PRICE_ONE_BPS, format_price, format_shares, parse_price
from polybot.domain.trading_state import TradingState
from polybot.errors import InvalidValue
from polybot.messages.commands import FlattenPositions, GetHoldings, HeldPosition, Holdings

EXAMPLES = (
    "polybot flatten",
    "polybot flatten --agent capture --min-price 0.50",
    "polybot flatten --yes --json",
)
POLL_S = 0.5

MinPrice = Annotated[
    str, typer.Option("--min-price", help="Sell at this price or better, in dollars.")
]
Wait = Annotated[
    float, typer.Option("--wait", help="Seconds to watch it; it goes on after.", min=0.0, max=3600)
]


class FlattenReport(msgspec.Struct, frozen=True, kw_only=True):
    """How far it got: what is `left` of the positions meant, and whether it still goes on."""

    command_id: str
    trading_state: str
    before: tuple[HeldPosition, ...]
    left: tuple[HeldPosition, ...]
    goes_on: bool


def flatten(
    agent: Agent = "",
    min_price: MinPrice = "0.01",
    yes: Yes = False,
    wait: Wait = 60.0,
    as_json: Json = False,
) -> None:
    """Stop entries, cancel what rests, and sell what is held, at --min-price or better.

    The trader does it, by ordinary journaled orders, also over a restart; it ends when nothing is
    left or the windows close, and entries stay stopped until `polybot resume`. What is not ours is
    not touched. Exit code 3 without a trader, 5 when it still goes on after --wait, 6 when trading
    is halted.
    """
    min_price_bps = _price(min_price)
    # Leaving a position must work whatever the configuration looks like now.
    loaded = load(join_floor=True, lenient=True, keyless=True)
    for warning in loaded.warnings:
        warn(f"warning: {warning}")
    with conversation(loaded.locations.runtime_dir) as talk:
        before = _holdings(talk)
        if before.trading_state == TradingState.HALTED.value:
            raise Refused("trading is HALTED, which means cancels only: `polybot resume` first")
        meant = _meant(before, agent)
        ask_first(_question(meant, min_price_bps), yes=yes)
        command = FlattenPositions(
            command_id=uuid4().hex,
            source=OPERATOR,
            reason="flatten asked by the operator",
            agent=agent,
            min_price_bps=min_price_bps,
        )
        _tell(talk, command)
        report = _watch(talk, command, meant, wait_s=wait)
    if as_json:
        show_json(as_document(report))
    else:
        _say(report)
    if report.goes_on:
        raise typer.Exit(Exit.TIMEOUT)


def as_document(report: FlattenReport) -> dict[str, Any]:
    """Return the report as JSON values; sizes are decimal strings in shares."""
    return {
        "command_id": report.command_id,
        "trading_state": report.trading_state,
        "goes_on": report.goes_on,
        "before": [_position(position) for position in report.before],
        "left": [_position(position) for position in report.left],
    }


def _position(held: HeldPosition) -> dict[str, Any]:
    return {
        "agent": held.agent,
        "slug": held.slug,
        "outcome": held.outcome,
        "size": format_shares(held.size_shares),
        "waits_for": held.waits_for or None,
    }


def _price(text: str) -> int:
    try:
        price_bps = parse_price(text)
    except InvalidValue as error:
        raise typer.BadParameter(str(error)) from error
    if not 1 <= price_bps < PRICE_ONE_BPS:
        raise typer.BadParameter(f"expected a price of 0.0001 to 0.9999, was {text}")
    return price_bps


def _holdings(talk: Conversation) -> Holdings:
    answer = talk.ask("trader", GetHoldings(), timeout_s=ANSWER_S)
    if not isinstance(answer, Holdings):
        raise CommandError(f"expected holdings of the trader, was {type(answer).__name__}")
    return answer


def _meant(holdings: Holdings, agent: str) -> tuple[HeldPosition, ...]:
    return tuple(held for held in holdings.positions if agent in ("", held.agent))


def _question(meant: tuple[HeldPosition, ...], min_price_bps: int) -> str:
    cost = dollars(sum(held.cost_usdc for held in meant))
    return (
        f"Stop entries, and sell {plural(len(meant), 'position')} (cost {cost}) "
        f"at {format_price(min_price_bps)} or better?"
    )


def _tell(talk: Conversation, command: FlattenPositions) -> None:
    late: Late | None = None
    for _ in range(ATTEMPTS):
        try:
            talk.ask("trader", command, timeout_s=ANSWER_S)
        except Late as error:
            # The same id again: the trader carries it out once.
            late = error
            continue
        return
    raise late or Late("the trader did not answer")


def _watch(
    talk: Conversation, command: FlattenPositions, meant: tuple[HeldPosition, ...], *, wait_s: float
) -> FlattenReport:
    deadline = time.monotonic() + wait_s
    holdings = _holdings(talk)
    while command.command_id in holdings.flattening and time.monotonic() < deadline:
        time.sleep(POLL_S)
        holdings = _holdings(talk)
    return FlattenReport(
        command_id=command.command_id,
        trading_state=holdings.trading_state,
        before=meant,
        left=_meant(holdings, command.agent),
        goes_on=command.command_id in holdings.flattening,
    )


def _say(report: FlattenReport) -> None:
    for held in report.left:
        why = held.waits_for or "it settles with its window"
        say(f"left  {held.agent}  {held.slug}")
        say(f"  {format_shares(held.size_shares)} {held.outcome}: {why}")
    sold = max(len(report.before) - len(report.left), 0)
    say(f"{plural(sold, 'position')} sold, {len(report.left)} left")
    if report.goes_on:
        warn("polybot: not done yet; the trader goes on until the windows close")
    say(f"trading is {report.trading_state}; entries start again with `polybot resume`")
