"""`polybot arm` and `disarm`: the only way to real orders, and the way back that always works."""

import getpass
import os
from collections.abc import Iterable
from typing import Annotated

import typer

from polybot.adapters.arming_files import ArmingFile, LiveOrderFile
from polybot.adapters.clock import SystemClock
from polybot.cli.account import kind_of
from polybot.cli.consent import Yes, ask_first
from polybot.cli.conversation import conversation
from polybot.cli.doctor import Consent, Report, examine, show_rows
from polybot.cli.examination import failed
from polybot.cli.exits import CommandError, Refused, Usage
from polybot.cli.options import Json
from polybot.cli.output import moment, plural, say, show_json, warn
from polybot.cli.processes import how_to_start
from polybot.config.keys import override_name
from polybot.config.load import LoadedConfig, load
from polybot.domain.arming import DEFAULT_TTL_NS, Arming, parse_ttl_ns, proven_versions
from polybot.errors import InvalidValue, StorageError
from polybot.messages.commands import CheckArming

ANSWER_S = 5.0


def arm(
    ttl: Annotated[
        str | None, typer.Option("--ttl", help="For how long: 1h to 30d; default 24h.")
    ] = None,
    until_disarmed: Annotated[
        bool, typer.Option("--until-disarmed", help="Until `polybot disarm`, however long.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Allow real orders for a time, after a green `polybot doctor --live`, which it runs first.

    Survives crashes and reboots with its original end; after it, only what reduces risk is sent.
    """
    lasts_ns = _lasts_ns(ttl, until_disarmed=until_disarmed)
    _refuse_mode(load())
    report = examine(live=True, may_order=Consent.of(yes))
    _refuse_red(report, as_json=as_json)
    versions = proven_versions(
        LiveOrderFile(report.loaded.locations.state_dir).read(),
        funder=report.account.funder,
        signature_type=report.account.signature_type,
    )
    if not versions:
        message = "no order of this wallet was seen under our own id; run: polybot doctor --live"
        raise Refused(message)
    now_ns = SystemClock().now_ns()
    arming = Arming(
        funder=report.account.funder,
        signature_type=report.account.signature_type,
        versions=versions,
        armed_ns=now_ns,
        expires_ns=now_ns + lasts_ns if lasts_ns else 0,
        by=_who(),
    )
    ask_first(_question(arming), yes=yes)
    ArmingFile(report.loaded.locations.state_dir).write(arming)
    _tell(arming, _inform(report.loaded), as_json=as_json)


def disarm(as_json: Json = False) -> None:
    """Take the leave for real orders back; the trader then sends only what reduces risk.

    Works whatever the configuration looks like and whether or not the floor runs.
    """
    loaded = load(join_floor=True, lenient=True)
    # The mode may have been changed since: the leave lies in the directory of live trading.
    live = load({**os.environ, override_name("mode"): "live"}, lenient=True)
    places = dict.fromkeys((loaded.locations.state_dir, live.locations.state_dir))
    was_armed = _remove_all(ArmingFile(place) for place in places)
    told = _inform(loaded)
    if as_json:
        show_json({"disarmed": was_armed, "trader": told})
        return
    say("disarmed" if was_armed else "nothing was armed here")
    if told:
        say(f"trader   {told}")


def _remove_all(files: Iterable[ArmingFile]) -> bool:
    """Return whether any was there; raises CommandError, after trying all, when one stays."""
    removed, stuck = [], []
    for file in files:
        try:
            removed.append(file.remove())
        except StorageError as error:
            stuck.append(str(error))
    if stuck:
        raise CommandError(f"{'; '.join(stuck)}; STILL ARMED: polybot halt stops orders at once")
    return any(removed)


def _lasts_ns(ttl: str | None, *, until_disarmed: bool) -> int:
    """Return how long the arming lasts, 0 for until it is taken back."""
    if until_disarmed and ttl is not None:
        raise Usage("expected --ttl or --until-disarmed, was both")
    if until_disarmed:
        return 0
    try:
        return DEFAULT_TTL_NS if ttl is None else parse_ttl_ns(ttl)
    except InvalidValue as error:
        raise Usage(f"--ttl: {error}") from error


def _refuse_mode(loaded: LoadedConfig) -> None:
    mode = loaded.config.mode
    if mode != "live":
        message = (
            f'expected mode = "live" in {loaded.locations.config_path}, was {mode}: '
            "there is nothing to arm"
        )
        raise Refused(message)


def _refuse_red(report: Report, *, as_json: bool) -> None:
    bad = list(failed(report.rows))
    if not as_json:
        show_rows(report.rows, as_json=False)
    if bad:
        named = "; ".join(f"{row.check}: {row.detail}" for row in bad)
        raise Refused(f"not armed, {plural(len(bad), 'check')} failed: {named}")


def _question(arming: Arming) -> str:
    until = f"until {moment(arming.expires_ns)}" if arming.expires_ns else "until you disarm it"
    return (
        f"Let polybot send REAL orders with the money in {arming.funder} "
        f"({kind_of(arming.signature_type)}), {until}?"
    )


def _inform(loaded: LoadedConfig) -> str:
    """Let a running trader look at once; "" when none runs: it looks when it starts."""
    with conversation(loaded.locations.runtime_dir) as talk:
        if not talk.is_running("trader"):
            return ""
        try:
            detail: str = talk.ask("trader", CheckArming(), timeout_s=ANSWER_S).detail
        except CommandError as error:
            warn(f"warning: {error}; it looks by itself twice a second")
            return ""
    return detail


def _tell(arming: Arming, told: str, *, as_json: bool) -> None:
    if as_json:
        show_json(
            {
                "armed": True,
                "funder": arming.funder,
                "signature_type": arming.signature_type,
                "versions": list(arming.versions),
                "armed_ns": arming.armed_ns,
                "expires_ns": arming.expires_ns or None,
                "by": arming.by,
                "trader": told,
            }
        )
        return
    until = f"until {moment(arming.expires_ns)}" if arming.expires_ns else "until `polybot disarm`"
    say(f"ARMED    {until}: orders are real now")
    say(f"wallet   {arming.funder}")
    say(f"trader   {told or f'not running; start it: {how_to_start()}'}")
    say("stop     polybot disarm (exits go on), polybot halt (nothing but cancels)")


def _who() -> str:
    """Name the person for the record: a login name, never trusted for anything."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
