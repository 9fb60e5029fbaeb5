"""`polybot doctor`: everything that could keep a floor from working, with what to do about it."""

import os
import sys
from collections.abc import Iterable, Iterator
from typing import Annotated

import msgspec
import typer

from polybot.adapters.arming_files import LiveOrderFile, PendingOrderFile
from polybot.adapters.clock import SystemClock
from polybot.adapters.wallet_lock import holder_of
from polybot.cli.account import Account, find_account, private_key_of
from polybot.cli.checks import CheckStatus, Row, host_checks
from polybot.cli.consent import Yes
from polybot.cli.conversation import conversation
from polybot.cli.examination import (
    Examined,
    exchange_rows,
    failed,
    load_for_examination,
    surroundings_of,
)
from polybot.cli.exits import Exit
from polybot.cli.glance import Glance, take_glance
from polybot.cli.installation_checks import installation_rows
from polybot.cli.live_order import CHECK as LIVE_ORDER
from polybot.cli.options import Json
from polybot.cli.output import console, moment, plural, say, say_hanging, show_json
from polybot.cli.processes import floor_runs, how_to_start
from polybot.config.keys import override_name
from polybot.config.load import LoadedConfig, load
from polybot.domain.arming import ArmingVerdict, proven_versions
from polybot.errors import ConfigError, StorageError

# The column of the status.
_STATUS = 5
_COLORS = {
    CheckStatus.OK: "green",
    CheckStatus.WARN: "yellow",
    CheckStatus.FAIL: "red",
    CheckStatus.SKIP: "dim",
}

Live = Annotated[
    bool,
    typer.Option(
        "--live",
        help="Check as for live trading, and place and cancel one small real order (asks first).",
    ),
]


def doctor(live: Live = False, yes: Yes = False, as_json: Json = False) -> None:
    """Check machine, configuration, files, wallet, exchange and floor; say how to mend each.

    Exit code 1 when a check fails, 4 when it is the configuration. Without --live it changes
    nothing.
    """
    try:
        report = examine(live=live, may_order=Consent.of(yes) if live else None)
    except ConfigError as error:
        show_rows(
            [Row("configuration", CheckStatus.FAIL, each, "mend it") for each in error.problems],
            as_json,
        )
        raise typer.Exit(Exit.CONFIG) from error
    show_rows(report.rows, as_json)
    if any(failed(report.rows)):
        raise typer.Exit(Exit.ERROR)


class Consent(msgspec.Struct, frozen=True):
    """Whether the one real order was agreed to beforehand, or whom to ask."""

    given: bool
    can_ask: bool

    @classmethod
    def of(cls, yes: bool) -> "Consent":
        """Return what `--yes` and a terminal allow."""
        return cls(given=yes, can_ask=sys.stdin.isatty())

    def ask(self, question: str) -> bool:
        """Return whether the person agrees."""
        if self.given or not self.can_ask:
            return self.given
        return typer.confirm(question, err=True)


class Report(msgspec.Struct, frozen=True):
    """What an examination found."""

    loaded: LoadedConfig
    account: Account
    rows: tuple[Row, ...]


def examine(*, live: bool, may_order: Consent | None) -> Report:
    """Run every check; the real order only when `may_order` agrees. Raises ConfigError."""
    examined = _load(live=live)
    loaded = examined.loaded
    rows = [
        *configuration_rows(loaded, examined.problems),
        *host_checks(loaded),
        *installation_rows(loaded),
    ]
    if live:
        rows.append(mode_row(load(lenient=True).config.mode, loaded))
    with conversation(loaded.locations.runtime_dir) as talk:
        glance = take_glance(loaded, talk, SystemClock())
    rows += floor_rows(glance)
    account = find_account(loaded)
    key = private_key_of(loaded) if account.key is not None else ""
    asked = surroundings_of(loaded, account, key)
    try:
        rows += exchange_rows(loaded, account, asked, running=glance.running)
        if glance.leave is not None:
            rows.append(arming_row(glance.leave))
            if may_order is None or account.key is None:
                rows.append(proof_row(loaded, account))
            else:
                # It signs: without coincurve it cannot even be loaded, and its row says so before.
                from polybot.cli.live_proof import prove  # noqa: PLC0415

                # Any trader of this wallet would take the order for a stranger's.
                traded = _trades(glance) or holder_of(account.funder) is not None
                rows.append(prove(asked, account, rows, may_order.ask, running=traded))
            if rows[-1].status is not CheckStatus.FAIL:
                rows += left_rows(loaded)
    finally:
        asked.close()
    return Report(loaded, account, tuple(rows))


def configuration_rows(loaded: LoadedConfig, problems: Iterable[str] = ()) -> Iterator[Row]:
    """Yield what loading the configuration found."""
    path = loaded.locations.config_path
    where = str(path) if path.is_file() else "defaults, no file"
    detail = f"{loaded.config.mode} mode, {where}, hash {loaded.hash[:12]}"
    yield Row("configuration", CheckStatus.OK, detail)
    known = tuple(problems)
    for problem in known:
        yield Row("configuration", CheckStatus.FAIL, problem, _mend(problem))
    for warning in loaded.warnings:
        if warning not in known:
            yield Row("configuration", CheckStatus.WARN, warning)


def arming_row(verdict: ArmingVerdict) -> Row:
    """Return whether real orders are allowed now."""
    if verdict.allows_entries and not verdict.warnings:
        return Row("arming", CheckStatus.OK, verdict.detail)
    detail = verdict.detail.removesuffix("; run: polybot arm")
    return Row("arming", CheckStatus.WARN, detail, "polybot arm")


def proof_row(loaded: LoadedConfig, account: Account) -> Row:
    """Return what is known of real orders of this wallet, without placing one."""
    fix = "polybot doctor --live"
    try:
        proofs = LiveOrderFile(loaded.locations.state_dir).read()
    except StorageError as error:
        return Row(LIVE_ORDER, CheckStatus.WARN, str(error), fix)
    versions = proven_versions(proofs, funder=account.funder, signature_type=account.signature_type)
    if not versions:
        return Row(LIVE_ORDER, CheckStatus.SKIP, "never tried with this wallet", fix)
    newest = max(proof.placed_ns for proof in proofs)
    detail = f"proven in markets of {', '.join(versions)}, last {moment(newest)}"
    return Row(LIVE_ORDER, CheckStatus.OK, detail)


def left_rows(loaded: LoadedConfig) -> Iterator[Row]:
    """Yield a row when an examination that was killed may have left its order behind."""
    fix = "polybot doctor --live takes it back; or: polybot cancel-all --all-wallet"
    try:
        order_id = PendingOrderFile(loaded.locations.state_dir).read()
    except StorageError as error:
        yield Row(LIVE_ORDER, CheckStatus.WARN, str(error), fix)
        return
    if order_id:
        detail = f"an earlier one was interrupted: its order may still rest, {order_id}"
        yield Row(LIVE_ORDER, CheckStatus.WARN, detail, fix)


def floor_rows(glance: Glance) -> Iterator[Row]:
    """Yield what the running floor says; one skipped row when none runs."""
    if not glance.running:
        yield Row("floor", CheckStatus.SKIP, "not running", how_to_start())
        return
    for process in glance.processes:
        alive = process.verdict == "alive"
        fix = "" if alive else "see its log; a service manager starts it again by itself"
        status = CheckStatus.OK if alive else CheckStatus.FAIL
        yield Row(process.name, status, f"{process.verdict}: {process.status}", fix)
    if not glance.watched:
        yield Row("watchdog's verdicts", CheckStatus.FAIL, "the watchdog does not answer")
    for alert in glance.alerts:
        yield Row("alert", CheckStatus.WARN, alert)
    yield _trading(glance)


def _load(*, live: bool) -> Examined:
    runtime_dir = load(lenient=True).locations.runtime_dir
    environ = dict(os.environ)
    if live and load(lenient=True, join_floor=floor_runs(runtime_dir)).config.mode != "live":
        # A wallet can be examined before anything is set to live; arming then still refuses.
        return load_for_examination({**environ, override_name("mode"): "live"})
    return load_for_examination(environ, join_floor=floor_runs(runtime_dir))


def mode_row(configured: str, loaded: LoadedConfig) -> Row:
    """Return whether the configuration itself says live, which arming needs."""
    if configured == "live":
        return Row("mode", CheckStatus.OK, "live")
    detail = f"the configuration says {configured}; polybot arm needs live"
    fix = f'write mode = "live" into {loaded.locations.config_path}'
    return Row("mode", CheckStatus.WARN, detail, fix)


def _mend(problem: str) -> str:
    if problem.startswith("mode:"):
        return "unset that variable, here and in .env, to trade for real"
    return "polybot init"


def _trades(glance: Glance) -> bool:
    return any(process.name == "trader" and process.pid for process in glance.processes)


def _trading(glance: Glance) -> Row:
    if glance.trading_state == "ACTIVE":
        return Row("trading", CheckStatus.OK, "ACTIVE")
    reasons = "; ".join(f"{claim.source}: {claim.reason}" for claim in glance.books.claims)
    detail = f"{glance.trading_state}: {reasons or 'no reason is known'}"
    fix = "polybot resume, when the reason is gone" if glance.trading_state == "HALTED" else ""
    return Row("trading", CheckStatus.WARN, detail, fix)


def show_rows(rows: Iterable[Row], as_json: bool) -> None:
    """Print rows as a list for a person, or as JSON."""
    shown = list(rows)
    if as_json:
        show_json(
            [
                {
                    "check": row.check,
                    "status": row.status.value,
                    "detail": row.detail,
                    "fix": row.fix,
                }
                for row in shown
            ]
        )
        return
    target = console()
    width = max(len(row.check) for row in shown)
    for row in shown:
        target.print(row.status.value.ljust(_STATUS), style=_COLORS[row.status], end="")
        say_hanging(f"{row.check:<{width}}  ", row.detail, before=_STATUS)
        if row.fix and row.status is not CheckStatus.OK and not row.fix.startswith("see "):
            say_hanging(" " * (width + _STATUS + 2), f"to do: {row.fix}")
    bad = sum(1 for _ in failed(shown))
    say(f"{plural(len(shown), 'check')}, {bad} failed")
