"""The checks of `polybot doctor` that ask the exchange: may this wallet trade from here today.

Each check is a function of what the exchange answers, so that each can be tested by an answer.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Protocol

import msgspec

from polybot.adapters.exchange_probe import Place
from polybot.adapters.wallet_probe import Holding
from polybot.cli.account import Account, kind_of
from polybot.cli.checks import CheckStatus, Row
from polybot.cli.output import dollars, plural, span
from polybot.config.load import LoadedConfig
from polybot.domain.fees import buy_cost_usdc
from polybot.domain.money import PRICE_ONE_BPS, parse_price, parse_usdc
from polybot.domain.redemption import Unredeemed
from polybot.errors import ExchangeError, NotFound, PolybotError, Unauthorized
from polybot.ports import CatalogAnswer

ORDER_VERSION = 2
# A rate above this part of a dollar, or a steeper curve, is no fee schedule but a mistake.
HIGHEST_RATE = Decimal("0.1")
HIGHEST_EXPONENT = 4
LEAST_GAS_WEI = 10**16
_WEI_PER_COIN = 10**18
_NS = 1_000_000_000

_NETWORK = "check network, name service and firewall of this machine"
_RUN_INIT = "polybot init"


class Surroundings(Protocol):
    """What the checks ask; every method raises PolybotError when there is no usable answer."""

    def version(self) -> int:
        """Return the order version the exchange takes."""

    def skew_s(self) -> float:
        """Return our wall time minus the exchange's in seconds."""

    def place(self) -> Place:
        """Return where the exchange sees this machine."""

    def listed(self) -> Sequence[CatalogAnswer]:
        """Return what is listed for the current window of each followed series."""

    def fees(self, condition_id: str) -> tuple[Decimal, Decimal]:
        """Return fee rate and exponent of a market as the CLOB names them."""

    def api_keys(self) -> Sequence[str]:
        """Return the account's API keys."""

    def is_closed_only(self) -> bool:
        """Return whether the account may only sell."""

    def holding(self) -> Holding:
        """Return money and approvals of the configured wallet."""

    def reserved_usdc(self) -> int:
        """Return the micro-dollars that open orders may still take."""

    def gas_wei(self) -> int:
        """Return the native coin of the key's own address in wei."""

    def first_frame_s(self, feed: str) -> float:
        """Return how long a feed (market, user, price) took to its first sign of life."""

    def unredeemed(self) -> Sequence[Unredeemed]:
        """Return the winners not paid out yet."""


Check = Callable[[LoadedConfig, Account, Surroundings], Row]


def exchange_version(_: LoadedConfig, __: Account, asked: Surroundings) -> Row:
    """Check that the exchange answers, and takes the orders polybot signs."""
    version = asked.version()
    if version == ORDER_VERSION:
        return _ok("exchange version", f"takes orders of version {version}")
    detail = f"expected orders of version {ORDER_VERSION}, was {version}"
    return _fail("exchange version", detail, "update polybot; until then it must not trade")


def clock_skew(loaded: LoadedConfig, _: Account, asked: Surroundings) -> Row:
    """Check the clock: requests are signed with the time."""
    skew_s = asked.skew_s()
    most = loaded.config.watchdog.max_clock_skew_s
    how = f"{abs(skew_s):.1f} s {'ahead of' if skew_s > 0 else 'behind'} the exchange's"
    if abs(skew_s) > most:
        fix = "set the clock: sudo timedatectl set-ntp true"
        return _fail("clock skew", f"this machine's clock is {how}, {most:g} s are allowed", fix)
    return _ok("clock skew", how)


def geoblock(_: LoadedConfig, __: Account, asked: Surroundings) -> Row:
    """Check that the exchange lets this place trade."""
    place = asked.place()
    if place.blocked:
        fix = "run polybot in a country the exchange serves; a blocked place may only look"
        return _fail("geoblock", f"the exchange blocks this place ({place.country})", fix)
    return _ok("geoblock", f"allowed from here ({place.country})")


def markets(_: LoadedConfig, __: Account, asked: Surroundings) -> Row:
    """Check that every followed series is listed and of a kind polybot trades."""
    offers = asked.listed()
    for offer in offers:
        if isinstance(offer.error, ExchangeError):
            raise offer.error
    refused = [offer for offer in offers if offer.error is not None]
    absent = [offer.slug for offer in offers if offer.error is None and offer.market is None]
    if refused:
        detail = "; ".join(f"{offer.slug}: {offer.error}" for offer in refused)
        return _fail("markets", detail, "leave this series out of trader.series, or update polybot")
    if absent:
        fix = "check trader.series; a series the exchange ended must be taken out"
        return _fail("markets", f"not listed: {', '.join(absent)}", fix)
    return _ok("markets", f"{plural(len(offers), 'window')} listed")


def fee_schedule(_: LoadedConfig, __: Account, asked: Surroundings) -> Row:
    """Check that both services of the exchange name the same sane fees."""
    seen = []
    for offer in asked.listed():
        if offer.market is None:
            continue
        rate, exponent = asked.fees(offer.market.condition_id)
        told = f"{offer.slug}: rate {rate}, exponent {exponent}"
        if not 0 <= rate <= HIGHEST_RATE or not 0 <= exponent <= HIGHEST_EXPONENT:
            fix = "do not trade this series until the exchange corrects it"
            return _fail("fee schedule", f"absurd, {told}", fix)
        ours = offer.market.fee
        if int(rate * PRICE_ONE_BPS) != ours.rate_bps or int(exponent) != ours.exponent:
            detail = f"{told}, but the market list says {ours.rate_bps} bps, {ours.exponent}"
            return _fail("fee schedule", detail, "wait until both agree; every cost depends on it")
        seen.append(f"{rate.normalize():f}")
    if not seen:
        return Row("fee schedule", CheckStatus.SKIP, "no market to compare")
    return _ok("fee schedule", f"rate {', '.join(sorted(set(seen)))}, both services agree")


def wallet(_: LoadedConfig, account: Account, __: Surroundings) -> Row:
    """Check that key, kind and funder belong together."""
    if account.problem:
        return _fail("wallet", account.problem, account.fix or _RUN_INIT)
    return _ok("wallet", f"{kind_of(account.signature_type)} {account.funder}")


def credentials(_: LoadedConfig, account: Account, asked: Surroundings) -> Row:
    """Check that the exchange takes the API credentials."""
    if account.credentials is None:
        return _fail("credentials", "no API credentials of this wallet", _RUN_INIT)
    try:
        known = asked.api_keys()
    except Unauthorized as error:
        detail = f"the exchange refuses the API credentials: {error}"
        return _fail("credentials", detail, "check the clock, then: polybot init --force")
    if account.credentials.api_key not in known:
        detail = "the exchange does not know this API key any more"
        return _fail("credentials", detail, "polybot init --force")
    return _ok("credentials", "the exchange takes them")


def closed_only(_: LoadedConfig, __: Account, asked: Surroundings) -> Row:
    """Check that the account may buy."""
    if asked.is_closed_only():
        fix = "ask the exchange's support; polybot could only close positions"
        return _fail("closed-only", "this account may only sell and cancel", fix)
    return _ok("closed-only", "the account may buy")


def allowance(_: LoadedConfig, account: Account, asked: Surroundings) -> Row:
    """Check that the wallet has money, and that the exchange may take it for orders."""
    held = asked.holding()
    if held.balance_usdc == 0:
        detail = f"no money in {account.funder} ({kind_of(account.signature_type)})"
        fix = "deposit there; if your money is in another wallet: polybot init --force"
        return _fail("allowance", detail, fix)
    if held.allowance_usdc < held.balance_usdc:
        detail = f"{dollars(held.balance_usdc)}, of which orders may take "
        detail += dollars(held.allowance_usdc)
        return _fail("allowance", detail, "polybot wallet approve")
    return _ok("allowance", f"{dollars(held.balance_usdc)}, approved for orders")


def smallest_order(loaded: LoadedConfig, __: Account, asked: Surroundings) -> Row:
    """Check that each enabled agent can pay for the smallest order of its market."""
    listed = [offer.market for offer in asked.listed() if offer.market is not None]
    if not listed:
        return Row("smallest order", CheckStatus.SKIP, "no market to compare")
    risk = loaded.config.risk
    price_bps = parse_price(str(risk.max_buy_price))
    least = max(buy_cost_usdc(m.fee, price_bps, m.min_size_shares) for m in listed)
    free = asked.holding().balance_usdc - asked.reserved_usdc()
    poor = []
    for agent in loaded.config.agents:
        if not agent.enabled:
            continue
        most = min(parse_usdc(str(agent.capital_usdc)), parse_usdc(str(risk.max_order_usdc)))
        if most < least:
            poor.append(f"{agent.name} may spend {dollars(most)} on an order")
        elif free < least:
            poor.append(f"{agent.name} finds {dollars(max(free, 0))} free")
    if poor:
        detail = f"the smallest order may cost {dollars(least)}: {'; '.join(poor)}"
        fix = "deposit, cancel open orders, or raise agents.capital_usdc and risk.max_order_usdc"
        return _fail("smallest order", detail, fix)
    return _ok("smallest order", f"at most {dollars(least)}, free are {dollars(free)}")


def gas(_: LoadedConfig, account: Account, asked: Surroundings) -> Row:
    """Check that a key that holds its funds itself can pay for transactions."""
    if account.signature_type != 0:
        what = f"a {kind_of(account.signature_type)} needs none: the exchange's relayer pays"
        return Row("gas", CheckStatus.SKIP, what)
    wei = asked.gas_wei()
    shown = f"{Decimal(wei) / _WEI_PER_COIN:.4f} POL at {account.funder}"
    if wei == 0:
        return _fail("gas", f"no POL at {account.funder}: it cannot redeem winners", "send 1 POL")
    if wei < LEAST_GAS_WEI:
        return Row("gas", CheckStatus.WARN, f"{shown}: a few transactions", "send 1 POL")
    return _ok("gas", shown)


def unredeemed(_: LoadedConfig, __: Account, asked: Surroundings) -> Row:
    """Check that no winner waits for its dollars for more than a day."""
    winners = asked.unredeemed()
    late = [winner for winner in winners if winner.is_overdue]
    if late:
        worth = dollars(sum(winner.payout_usdc for winner in late))
        age = span(max(winner.age_ns for winner in late) / _NS)
        detail = f"{worth} in {plural(len(late), 'window')}, the oldest for {age}"
        return Row("unredeemed", CheckStatus.WARN, detail, "polybot redeem --all")
    waiting = dollars(sum(winner.payout_usdc for winner in winners))
    return _ok("unredeemed", f"{waiting} wait for their dollars, none for a day")


def _feed(feed: str, what: str) -> Check:
    def check(_: LoadedConfig, __: Account, asked: Surroundings) -> Row:
        took_s = asked.first_frame_s(feed)
        return _ok(f"{feed} feed", f"{what} after {took_s:.1f} s")

    return check


class Spec(msgspec.Struct, frozen=True):
    """A check by its row's name, and what must be there for it to make sense."""

    name: str
    check: Check
    fix: str = _NETWORK
    needs_exchange: bool = True
    needs_account: bool = False
    is_vital: bool = True


FIRST = Spec("exchange version", exchange_version)
CHECKS: tuple[Spec, ...] = (
    Spec("clock skew", clock_skew),
    Spec("wallet", wallet, _RUN_INIT, needs_exchange=False),
    Spec("credentials", credentials, needs_account=True),
    Spec("closed-only", closed_only, needs_account=True),
    Spec("geoblock", geoblock, needs_exchange=False),
    Spec("allowance", allowance, needs_account=True),
    Spec("markets", markets, needs_exchange=False),
    Spec("fee schedule", fee_schedule),
    Spec("market feed", _feed("market", "a book")),
    Spec("user feed", _feed("user", "connected"), needs_account=True),
    Spec("price feed", _feed("price", "a price"), needs_account=True),
    Spec("smallest order", smallest_order, needs_account=True),
    # Trading itself needs neither: an unreachable node or Data API must not keep a wallet out.
    Spec("gas", gas, needs_exchange=False, needs_account=True, is_vital=False),
    Spec("unredeemed", unredeemed, needs_exchange=False, needs_account=True, is_vital=False),
)


def run_check(spec: Spec, loaded: LoadedConfig, account: Account, asked: Surroundings) -> Row:
    """Run one check; an error of it is its row."""
    if spec.needs_account and account.problem:
        return Row(spec.name, CheckStatus.SKIP, "needs a usable wallet", "see the row wallet")
    if spec.needs_account and account.credentials is None and spec.name != "credentials":
        return Row(spec.name, CheckStatus.SKIP, "needs API credentials", _RUN_INIT)
    try:
        return spec.check(loaded, account, asked)
    except NotFound as error:
        return Row(spec.name, _failed(spec), str(error), "the exchange does not offer it (now)")
    except PolybotError as error:
        return Row(spec.name, _failed(spec), str(error), spec.fix)


def _failed(spec: Spec) -> CheckStatus:
    return CheckStatus.FAIL if spec.is_vital else CheckStatus.WARN


def _ok(check: str, detail: str) -> Row:
    return Row(check, CheckStatus.OK, detail)


def _fail(check: str, detail: str, fix: str) -> Row:
    return Row(check, CheckStatus.FAIL, detail, fix)
