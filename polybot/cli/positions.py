"""`polybot positions`: what our books hold beside what the exchange says, and unpaid winners."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
import typer

from polybot.bootstrap.account import open_holdings
from polybot.cli.account_view import AccountView, exchange_errors, open_view
from polybot.cli.exits import CommandError, Exit
from polybot.cli.options import Json
from polybot.cli.output import dollars, plural, say, show_json, span, warn
from polybot.config.load import load
from polybot.domain.money import format_shares, format_usdc, notional_usdc
from polybot.domain.redemption import Funds, Unredeemed
from polybot.errors import PolybotError
from polybot.messages.commands import HeldPosition

EXAMPLES = ("polybot positions", "polybot positions --json")
_NS = 1_000_000_000


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's shares; `exchange_shares` is the whole wallet's, None when it was not told."""

    ours: HeldPosition
    exchange_shares: int | None

    @property
    def value_usdc(self) -> int | None:
        """What the best bid would bring, without fee; None where nobody bids."""
        bid = self.ours.bid_bps
        return None if bid is None else notional_usdc(bid, self.ours.size_shares)


class PositionsReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the command shows; `problem` says why the exchange's side is missing."""

    holdings: tuple[Holding, ...]
    differences: tuple[str, ...]
    strangers: dict[str, int]
    waiting: tuple[Unredeemed, ...]
    problem: str = ""


def positions(as_json: Json = False) -> None:
    """Show what is held, by agent, beside what the exchange's Data API says of the wallet.

    Winners that wait to be paid out stand below. Values are at the best bid, while the trader runs.
    The Data API lags by up to a minute. Exit code 1 when it cannot be read.
    """
    loaded = load(join_floor=True, keyless=True)
    with open_view(loaded) as view:
        report = take_report(view)
    if as_json:
        show_json(as_document(report))
    else:
        _say(report)
    if report.problem:
        warn(f"polybot: the exchange's side is missing: {report.problem}")
        raise typer.Exit(Exit.ERROR)


def take_report(view: AccountView) -> PositionsReport:
    """Compare our books with the exchange's account of the wallet."""
    funds = view.funds() or Funds(cash_usdc=None)
    ours = _ours(view)
    problem = ""
    told: dict[str, int] | None = None
    try:
        with exchange_errors(view.loaded):
            told = open_holdings(view.loaded).held()
    except CommandError:
        raise
    except PolybotError as error:
        problem = str(error)
    waiting = {winner.token_id for winner in funds.unredeemed}
    known = {held.token_id for held in ours} | waiting | _lost(view)
    return PositionsReport(
        holdings=tuple(
            Holding(ours=held, exchange_shares=None if told is None else told.get(held.token_id, 0))
            for held in ours
        ),
        differences=tuple(_differences(ours, told or {})) if told is not None else (),
        strangers={t: shares for t, shares in (told or {}).items() if shares and t not in known},
        waiting=funds.unredeemed,
        problem=problem,
    )


def as_document(report: PositionsReport) -> dict[str, Any]:
    """Return the report as JSON values; amounts are decimal strings in dollars and shares."""
    return {
        "positions": [_position(holding) for holding in report.holdings],
        "differences": list(report.differences),
        "external": [
            {"token_id": token_id, "size": format_shares(shares)}
            for token_id, shares in sorted(report.strangers.items())
        ],
        "unredeemed": [
            {
                "slug": winner.slug,
                "outcome": winner.outcome.value,
                "token_id": winner.token_id,
                "payout_usdc": format_usdc(winner.payout_usdc),
                "age_s": winner.age_ns // _NS,
                "overdue": winner.is_overdue,
            }
            for winner in report.waiting
        ],
        "unredeemed_usdc": format_usdc(sum(w.payout_usdc for w in report.waiting)),
        "exchange_error": report.problem or None,
    }


def _position(holding: Holding) -> dict[str, Any]:
    ours, there = holding.ours, holding.exchange_shares
    value = holding.value_usdc
    return {
        "agent": ours.agent,
        "slug": ours.slug,
        "outcome": ours.outcome,
        "token_id": ours.token_id,
        "size": format_shares(ours.size_shares),
        "cost_usdc": format_usdc(ours.cost_usdc),
        "value_usdc": None if value is None else format_usdc(value),
        "exchange_size": None if there is None else format_shares(there),
    }


def _ours(view: AccountView) -> Sequence[HeldPosition]:
    if view.holdings is not None:
        return view.holdings.positions
    return view.reader.open_positions() if view.reader else ()


def _lost(view: AccountView) -> set[str]:
    """Return tokens that lost: worthless, and left in the wallet for ever."""
    return set(view.reader.lost_tokens()) if view.reader else set()


def _differences(ours: Sequence[HeldPosition], told: dict[str, int]) -> list[str]:
    sums: dict[str, int] = defaultdict(int)
    names: dict[str, str] = {}
    for held in ours:
        sums[held.token_id] += held.size_shares
        names[held.token_id] = f"{held.outcome} of {held.slug}"
    return [
        f"{names[token]}: our books {format_shares(shares)}, "
        f"the exchange {format_shares(told.get(token, 0))}"
        for token, shares in sums.items()
        if shares != told.get(token, 0)
    ]


def _say(report: PositionsReport) -> None:
    for holding in report.holdings:
        ours = holding.ours
        value = "" if holding.value_usdc is None else f", worth {dollars(holding.value_usdc)}"
        say(f"{ours.agent}  {ours.slug}")
        say(
            f"  {format_shares(ours.size_shares)} {ours.outcome}, "
            f"cost {dollars(ours.cost_usdc)}{value}"
        )
    if not report.holdings:
        say("no open position")
    for difference in report.differences:
        say(f"differs: {difference}")
    for token_id, shares in sorted(report.strangers.items()):
        say(f"not ours: {format_shares(shares)} of token {token_id[:12]}...")
    for winner in report.waiting:
        late = "  OVERDUE" if winner.is_overdue else ""
        say(f"unredeemed {dollars(winner.payout_usdc)}  {winner.slug}")
        say(f"  {winner.outcome.value} won {span(winner.age_ns / _NS)} ago{late}")
    if report.waiting:
        total = dollars(sum(winner.payout_usdc for winner in report.waiting))
        say(f"{plural(len(report.waiting), 'winner')} of {total} wait for redemption")
