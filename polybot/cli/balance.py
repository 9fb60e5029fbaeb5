"""`polybot balance`: the wallet's dollars at the exchange, what is free, and how long it lasts."""

from typing import Any

import msgspec

from polybot.adapters.account_client import Balance
from polybot.bootstrap.account import credentials_of, open_account
from polybot.cli.account_view import AccountView, open_view
from polybot.cli.options import Json
from polybot.cli.output import dollars, plural, say, show_json
from polybot.config.load import load
from polybot.domain.money import format_usdc
from polybot.domain.redemption import Funds

EXAMPLES = ("polybot balance", "polybot balance --json")
# What wallets approve is "as much as there is": nobody wants to read its digits.
_UNLIMITED_USDC = 10**15


class BalanceReport(msgspec.Struct, frozen=True, kw_only=True):
    """The exchange's word on the wallet beside our books'; `agents` are the enabled ones."""

    funder: str
    told: Balance
    funds: Funds
    agents: tuple[str, ...]

    @property
    def free_usdc(self) -> int:
        """Dollars at the exchange that no open BUY of ours has a claim on."""
        return max(self.told.cash_usdc - self.funds.reserved_usdc, 0)

    @property
    def windows_left(self) -> int | None:
        """How many average windows the free dollars pay for, None before anybody traded."""
        at_exchange = msgspec.structs.replace(self.funds, cash_usdc=self.told.cash_usdc)
        return at_exchange.windows_left(self.agents)


def balance(as_json: Json = False) -> None:
    """Show cash, allowance, what orders reserve, what is free, and winners not yet paid out.

    Cash and allowance are the exchange's own words, the rest follows from our books. The last line
    says how many average windows of the enabled agents the free cash pays for.
    """
    loaded = load(join_floor=True, keyless=True)
    with open_view(loaded) as view:
        report = take_report(view)
    if as_json:
        show_json(as_document(report))
    else:
        _say(report)


def take_report(view: AccountView) -> BalanceReport:
    """Ask the exchange and our books."""
    with open_account(view.loaded) as account:
        told = account.balance()
    funds = view.funds() or Funds(cash_usdc=None)
    if view.holdings is not None:
        # The trader knows of orders that the database has not stored yet.
        funds = msgspec.structs.replace(funds, reserved_usdc=view.holdings.reserved_usdc)
    return BalanceReport(
        funder=credentials_of(view.loaded).funder,
        told=told,
        funds=funds,
        agents=tuple(agent.name for agent in view.loaded.config.agents if agent.enabled),
    )


def as_document(report: BalanceReport) -> dict[str, Any]:
    """Return the report as JSON values; amounts are decimal strings in dollars."""
    books = report.funds.cash_usdc
    return {
        "funder": report.funder,
        "cash_usdc": format_usdc(report.told.cash_usdc),
        "books_cash_usdc": None if books is None else format_usdc(books),
        "allowances_usdc": {
            spender: format_usdc(amount)
            for spender, amount in sorted(report.told.allowances_usdc.items())
        },
        "reserved_usdc": format_usdc(report.funds.reserved_usdc),
        "free_usdc": format_usdc(report.free_usdc),
        "unredeemed_usdc": format_usdc(report.funds.unredeemed_usdc),
        "window_cost_usdc": {
            agent: format_usdc(cost)
            for agent, cost in sorted(report.funds.window_cost_usdc.items())
        },
        "windows_left": report.windows_left,
    }


def _say(report: BalanceReport) -> None:
    say(f"wallet      {report.funder}")
    say(f"cash        {dollars(report.told.cash_usdc)}")
    say(f"allowance   {_allowance(report.told)}")
    say(f"reserved    {dollars(report.funds.reserved_usdc)} by open orders")
    say(f"free        {dollars(report.free_usdc)}")
    waiting = plural(len(report.funds.unredeemed), "winner")
    say(f"unredeemed  {dollars(report.funds.unredeemed_usdc)} in {waiting}")
    left = report.windows_left
    say(f"lasts       {'unknown: nobody has traded yet' if left is None else f'{left} windows'}")
    books = report.funds.cash_usdc
    if books is not None and books != report.told.cash_usdc:
        say(f"our books expect {dollars(books)}; `polybot audit` says why they differ")


def _allowance(told: Balance) -> str:
    if not told.allowances_usdc:
        return "none: nothing can be bought (see `polybot wallet approve`)"
    least = min(told.allowances_usdc.values())
    amount = "unlimited" if least >= _UNLIMITED_USDC else dollars(least)
    return f"{amount} to {plural(len(told.allowances_usdc), 'contract')}"
