"""Puts the doctor's real order together with the wallet, the markets and the files it needs."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from polybot.adapters.arming_files import LiveOrderFile, PendingOrderFile
from polybot.adapters.live_order import LiveOrderDesk
from polybot.adapters.order_signer import WalletOrderSigner
from polybot.bootstrap.surroundings import RealSurroundings
from polybot.bootstrap.user_watch import watching
from polybot.cli.account import Account
from polybot.cli.checks import CheckStatus, Row
from polybot.cli.examination import failed
from polybot.cli.live_order import CHECK, Attempt, Tools, try_order
from polybot.cli.output import dollars
from polybot.domain.arming import proven_versions
from polybot.domain.market import Market, Outcome
from polybot.domain.money import format_price, format_shares, notional_usdc, parse_price
from polybot.errors import NotFound, PolybotError
from polybot.exchange.l2_auth import RequestSigner

# A window that is nearly over may close between the order and its cancel.
_LEAST_LEFT_NS = 60_000_000_000
# An order this much under the best price is in nobody's way.
_FAR_TICKS = 10


def prove(
    asked: RealSurroundings,
    account: Account,
    rows: Sequence[Row],
    agree: Callable[[str], bool],
    *,
    running: bool,
) -> Row:
    """Place, find and cancel one order in a market of each protocol; keep the proof."""
    bad = [row.check for row in failed(rows)]
    if bad:
        detail = f"not tried: {', '.join(dict.fromkeys(bad))} failed"
        return Row(CHECK, CheckStatus.SKIP, detail, "mend those first")
    try:
        candidates = by_version(asked)
        proofs = LiveOrderFile(asked.loaded.locations.state_dir)
        if running:
            return _while_running(proofs, account, candidates)
        return _try_each(asked, account, candidates, agree)
    except PolybotError as error:
        return Row(CHECK, CheckStatus.FAIL, str(error), "polybot doctor --live, a little later")


def by_version(asked: RealSurroundings) -> dict[str, list[Market]]:
    """Return the tradable markets of each protocol among the followed series, the latest first."""
    now_ns = asked.now_ns()
    found: dict[str, list[Market]] = {}
    for answer in (*asked.upcoming(), *asked.listed()):
        market = answer.market
        if market is not None and market.close_ns - now_ns > _LEAST_LEFT_NS:
            found.setdefault(market.version, []).append(market)
    if not found:
        raise NotFound("expected a window with a minute left to try an order in, was none")
    return found


def _while_running(proofs: LiveOrderFile, account: Account, versions: Iterable[str]) -> Row:
    """Rely on an earlier proof: the trader that runs would take the order for a stranger's."""
    known = proven_versions(
        proofs.read(), funder=account.funder, signature_type=account.signature_type
    )
    untried = [version for version in versions if version not in known]
    if untried:
        detail = f"no order was tried in markets of {', '.join(untried)}, and the trader runs"
        return Row(CHECK, CheckStatus.FAIL, detail, "polybot down, then: polybot doctor --live")
    return Row(CHECK, CheckStatus.OK, "proven before; not repeated while the trader runs")


def _try_each(
    asked: RealSurroundings,
    account: Account,
    candidates: Mapping[str, Sequence[Market]],
    agree: Callable[[str], bool],
) -> Row:
    details = []
    for markets in candidates.values():
        market, outcome = far_place(asked, markets)
        if not agree(_question(market, outcome)):
            return Row(CHECK, CheckStatus.SKIP, "not agreed to", "polybot doctor --live --yes")
        row = _try(asked, account, market, outcome)
        if row.status is not CheckStatus.OK:
            return row
        details.append(row.detail)
    return Row(CHECK, CheckStatus.OK, "; ".join(details))


def far_place(asked: RealSurroundings, markets: Sequence[Market]) -> tuple[Market, Outcome]:
    """Return the first market and outcome whose best price is far above the lowest one.

    A window's book may not be open yet; the next candidate's is.
    """
    probe = asked.probe()
    for market in markets:
        for outcome in Outcome:
            try:
                book = probe.book(market.token(outcome))
            except NotFound:
                continue
            asks = [parse_price(level.price) for level in book.asks]
            if not asks or min(asks) > _FAR_TICKS * market.tick_bps:
                return market, outcome
    named = ", ".join(market.slug for market in markets)
    raise NotFound(f"expected a book of {named} to rest far from, was none")


def _question(market: Market, outcome: Outcome) -> str:
    cost = dollars(notional_usdc(market.tick_bps, market.min_size_shares))
    return (
        f"Place one real order: buy {format_shares(market.min_size_shares)} {outcome.value} at "
        f"{format_price(market.tick_bps)} in {market.slug} (reserves {cost}), and cancel it?"
    )


def _try(asked: RealSurroundings, account: Account, market: Market, outcome: Outcome) -> Row:
    if account.key is None or account.credentials is None:
        raise PolybotError("expected a key and API credentials, was none: run polybot init")
    state_dir = asked.loaded.locations.state_dir
    requests = RequestSigner(account.key.address, account.credentials)
    signer = WalletOrderSigner(
        account.key,
        funder=account.funder,
        signature_type=account.signature_type,
        owner=account.credentials.api_key,
    )
    with watching(asked.user_stream) as watch:
        tools = Tools(
            desk=LiveOrderDesk(asked.ask("clob_url"), requests, asked.clock),
            signer=signer,
            watch=watch,
            pending=PendingOrderFile(state_dir),
        )
        tried = try_order(
            tools,
            Attempt(account.funder, account.signature_type, market, outcome, asked.now_ns()),
        )
    if tried.proof is not None:
        LiveOrderFile(state_dir).add(tried.proof)
    return tried.row
