"""One examination of a floor: every check of the doctor's, run at once where they only wait."""

import threading
from collections.abc import Callable, Iterator, Sequence

import msgspec

from polybot.bootstrap.surroundings import RealSurroundings
from polybot.cli.account import Account
from polybot.cli.checks import CheckStatus, Row
from polybot.cli.identity import sees_secrets
from polybot.cli.live_checks import CHECKS, FIRST, Spec, Surroundings, run_check
from polybot.cli.processes import how_to_start
from polybot.config.load import LoadedConfig, load
from polybot.config.schema import SIMULATED_MODES
from polybot.errors import ConfigError

# Together with what a command needs to start they stay under 15 s, whatever the network does.
FIRST_S = 6.0
REST_S = 6.5

# What makes sense of a simulated exchange, whose clock, markets and place are its own.
SIMULATED = frozenset({"credentials", "closed-only", "allowance"})
# Problems of the configuration that a row of its own explains better.
_EXPLAINED = ("wallet.private_key", "wallet.funder", "mode: expected no live mode")


class Examined(msgspec.Struct, frozen=True):
    """A configuration good enough to examine, and what keeps it from running as it is."""

    loaded: LoadedConfig
    problems: tuple[str, ...] = ()


def load_for_examination(environ: dict[str, str], *, join_floor: bool = False) -> Examined:
    """Load a configuration, tolerating what the row of the wallet or the mode explains.

    Raises ConfigError for every other problem.
    """
    keyless = not sees_secrets()
    try:
        return Examined(load(environ, join_floor=join_floor, keyless=keyless))
    except ConfigError as error:
        other = [each for each in error.problems if not each.startswith(_EXPLAINED)]
        if other:
            raise
        lenient = load(environ, join_floor=join_floor, lenient=True, keyless=keyless)
        return Examined(lenient, tuple(error.problems))


def exchange_rows(
    loaded: LoadedConfig, account: Account, asked: Surroundings, *, running: bool
) -> list[Row]:
    """Return the rows of everything that asks the exchange, in the order they are listed."""
    if loaded.config.mode in SIMULATED_MODES:
        if not running:
            detail = f"{loaded.config.mode} mode brings its own; it is not running"
            return [Row("exchange", CheckStatus.SKIP, detail, how_to_start())]
        specs = [spec for spec in CHECKS if spec.name in SIMULATED]
    else:
        specs = list(CHECKS)

    def task(spec: Spec) -> Callable[[], Row]:
        return lambda: run_check(spec, loaded, account, asked)

    early = [spec for spec in specs if not spec.needs_exchange]
    rows = at_once({spec.name: task(spec) for spec in (FIRST, *early)}, FIRST_S)
    usable = rows[FIRST.name].status is not CheckStatus.FAIL
    rest = [spec for spec in specs if spec.needs_exchange]
    if usable:
        rows |= at_once({spec.name: task(spec) for spec in rest}, REST_S)
    else:
        rows |= {spec.name: _unasked(spec) for spec in rest}
    return [rows[spec.name] for spec in (FIRST, *specs)]


def at_once(tasks: dict[str, Callable[[], Row]], seconds: float) -> dict[str, Row]:
    """Run every task in a thread of its own; one that takes too long becomes a failed row.

    Its thread is left behind: what it waits for, such as a name server, cannot be interrupted.
    """
    rows: dict[str, Row] = {}
    done = threading.Condition()

    def run(name: str, task: Callable[[], Row]) -> None:
        row = task()
        with done:
            rows[name] = row
            done.notify()

    for name, task in tasks.items():
        threading.Thread(target=run, args=(name, task), name=name, daemon=True).start()
    with done:
        done.wait_for(lambda: len(rows) == len(tasks), seconds)
        found = dict(rows)
    return {name: found.get(name) or _late(name, seconds) for name in tasks}


def failed(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield the rows that failed."""
    return (row for row in rows if row.status is CheckStatus.FAIL)


def surroundings_of(loaded: LoadedConfig, account: Account, private_key: str) -> RealSurroundings:
    """Return the real hosts of a configuration, asked as this account."""
    return RealSurroundings(
        loaded=loaded,
        private_key=private_key,
        address=account.address,
        signature_type=account.signature_type,
        credentials=account.credentials,
    )


def _unasked(spec: Spec) -> Row:
    return Row(spec.name, CheckStatus.SKIP, "the exchange gave no usable answer", "see above")


def _late(name: str, seconds: float) -> Row:
    fix = "check network, name service and firewall of this machine"
    return Row(name, CheckStatus.FAIL, f"no answer within {seconds:g} s", fix)
