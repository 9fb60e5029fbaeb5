"""`polybot redeem`, `split` and `merge`: winners into money, money into share pairs and back."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from polybot.bootstrap.account import open_market_search
from polybot.bootstrap.extras import Extras
from polybot.cli.account_view import exchange_errors, open_view
from polybot.cli.consent import Yes, ask_first
from polybot.cli.exits import Exit, Refused, Unknown
from polybot.cli.options import Json
from polybot.cli.output import dollars, plural, say, show_json, warn
from polybot.cli.wallet import extras
from polybot.config.load import LoadedConfig, load
from polybot.domain.money import parse_usdc
from polybot.errors import ExchangeError, InvalidValue, OutcomeUnknown
from polybot.exchange.wire_gamma import GammaMarket

REDEEM_EXAMPLES = ("polybot redeem btc-updown-5m-1776082500", "polybot redeem --all --yes")
SPLIT_EXAMPLES = ("polybot split btc-updown-5m-1776082500 25",)
MERGE_EXAMPLES = ("polybot merge btc-updown-5m-1776082500 25",)

Slug = Annotated[str, typer.Argument(help="The window's slug.")]
Amount = Annotated[str, typer.Argument(help="Dollars, which are as many pairs of shares.")]


def redeem(
    slug: Annotated[str, typer.Argument(metavar="[SLUG]", help="A window that won.")] = "",
    every: Annotated[
        bool, typer.Option("--all", help="Every winner that our books say is not paid out.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Turn winners into money by hand. The exchange does it by itself, usually within minutes.

    Off until `extras.enabled`. Each window is a transaction of its own; it is asked for once. Exit
    code 5 when nobody knows what became of one.
    """
    if bool(slug) is every:
        raise typer.BadParameter("expected a slug, or --all")
    loaded = load(join_floor=True)
    with extras() as opened:
        listed = _resolved(loaded, _winners(loaded) if every else [slug])
        if listed:
            ask_first(f"Redeem {plural(len(listed), 'window')}?", yes=yes)
        done, code = _redeem_each(opened, listed)
    if as_json:
        show_json(done)
    else:
        for each in done:
            say(f"redeemed {each['slug']}")
            say(f"  {each['transaction_hash']}")
        say(f"{plural(len(done), 'window')} redeemed")
    if code is not Exit.OK:
        raise typer.Exit(code)


def _resolved(loaded: LoadedConfig, slugs: Sequence[str]) -> dict[str, GammaMarket]:
    listed = {slug: _market(loaded, slug) for slug in slugs}
    for slug, market in listed.items():
        if market.winner() is None:
            raise Refused(f"expected a window with an outcome, was {slug} without one")
    return listed


def _redeem_each(
    opened: Extras, listed: dict[str, GammaMarket]
) -> tuple[list[dict[str, Any]], Exit]:
    """Redeem one window after the other; the first whose fate is unknown is the last."""
    done: list[dict[str, Any]] = []
    code = Exit.OK
    for slug, market in listed.items():
        try:
            result = opened.run("redeem", condition_id=market.condition_id)
        except OutcomeUnknown as error:
            warn(f"polybot: {slug}: {error}")
            return done, Exit.TIMEOUT
        except (ExchangeError, InvalidValue) as error:
            warn(f"polybot: {slug}: {error}")
            code = Exit.ERROR
            continue
        done.append({"slug": slug, **result})
    return done, code


def split(slug: Slug, amount: Amount, yes: Yes = False, as_json: Json = False) -> None:
    """Turn dollars into as many shares of either outcome. Booked as external, never P&L."""
    _exchange_sets("split", slug, amount, yes=yes, as_json=as_json)


def merge(slug: Slug, amount: Amount, yes: Yes = False, as_json: Json = False) -> None:
    """Turn pairs of shares, one of either outcome, back into dollars. Never P&L."""
    _exchange_sets("merge", slug, amount, yes=yes, as_json=as_json)


def _exchange_sets(command: str, slug: str, amount: str, *, yes: bool, as_json: bool) -> None:
    amount_usdc = _amount(amount)
    loaded = load(join_floor=True)
    with extras() as opened:
        market = _market(loaded, slug)
        ask_first(f"{command.capitalize()} {dollars(amount_usdc)} in {slug}?", yes=yes)
        result = opened.run(command, condition_id=market.condition_id, amount=amount_usdc)
    if as_json:
        show_json({"slug": slug, **result})
        return
    say(f"{command}: {dollars(amount_usdc)} in {slug}")
    say(f"  {result['transaction_hash']}")


def _amount(text: str) -> int:
    try:
        amount_usdc = parse_usdc(text)
    except InvalidValue as error:
        raise typer.BadParameter(str(error)) from error
    if amount_usdc <= 0:
        raise typer.BadParameter(f"expected more than $0, was {text}")
    return amount_usdc


def _market(loaded: LoadedConfig, slug: str) -> GammaMarket:
    with exchange_errors(loaded), open_market_search(loaded) as catalog:
        market = next((m for m in catalog.by_slug(slug) if m.slug == slug), None)
    if market is None:
        raise Unknown(f"expected a market with the slug {slug!r}, was none")
    return market


def _winners(loaded: LoadedConfig) -> list[str]:
    with open_view(loaded) as view:
        funds = view.funds()
    return sorted({winner.slug for winner in funds.unredeemed}) if funds else []
