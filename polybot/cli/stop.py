"""`polybot stop`, also `polybot down`: ends the floor, and says which orders it leaves."""

from typing import Annotated, Any

import typer

from polybot.adapters.service_units import ServiceUnits
from polybot.cli.down import (
    Ended,
    NotRoot,
    end_processes,
    end_units,
    named,
    refuse_held,
    trader_runs,
)
from polybot.cli.exits import Exit
from polybot.cli.left_orders import LeftOrders, cancel_before, left_orders
from polybot.cli.options import Json
from polybot.cli.output import plural, say, show_json, warn
from polybot.config.load import LoadedConfig, load
from polybot.config.locations import INSTALLED_RUNTIME
from polybot.config.origins import Layer
from polybot.config.private_files import read_text
from polybot.errors import ConfigError, PolybotError, StorageError

EXAMPLES = ("polybot stop", "polybot stop --cancel", "sudo polybot stop --json")

Cancel = Annotated[
    bool, typer.Option("--cancel", help="Cancel our open orders; none may be left at the end.")
]


def stop(*, cancel: Cancel = False, as_json: Json = False) -> None:
    """Stop the floor, wait until nothing of it runs any more, and say which orders are left.

    In a clone that takes at most 10 seconds; an installation's services are stopped by systemd,
    for which it must be root. Works with a broken configuration, and stops what a killed runner
    left behind. Orders at a real exchange are gone seconds after the last heartbeat; that is waited
    for. Exit code 3 when nothing runs, 5 when something would not end or an order is left that
    should not be, 1 when the exchange cannot be asked, or the state is of another market. Where
    something would not end, the orders are looked at all the same, and canceled with --cancel
    unless it is the trader.
    """
    loaded, unknown = _load()
    unknown = unknown or _other_floor(loaded)
    before = cancel_before(loaded) if cancel and not unknown else LeftOrders()
    ended, failed = _tried_to_end(loaded)
    if not as_json and failed is None:
        _say_ended(loaded, ended)
    if unknown:
        left = LeftOrders(problem=unknown)
    else:
        runs = failed is not None and trader_runs(loaded.locations)
        left = left_orders(loaded, before, cancel=cancel, waits=_wait_word, trader_runs=runs)
    if as_json:
        show_json(as_document(ended, left))
    else:
        _say_left(left)
    if failed is not None:
        raise failed
    raise typer.Exit(left.exit or (Exit.OK if ended.stopped else Exit.NOT_RUNNING))


def as_document(ended: Ended, left: LeftOrders) -> dict[str, Any]:
    """Return what was ended and what is left as JSON values."""
    return {
        "stopped": [process.name for process in ended.stopped],
        "killed": [process.name for process in ended.killed],
        "took_s": round(ended.took_s, 3),
        "orders": {
            "left": list(left.order_ids),
            "why": left.why or None,
            "canceled": list(left.canceled),
            "foreign": list(left.foreign),
            "problem": left.problem or None,
        },
    }


def is_service_floor(loaded: LoadedConfig) -> bool:
    """Tell whether systemd keeps this floor: an installation's, in its own directories."""
    locations = loaded.locations
    return not locations.is_clone and locations.runtime_dir == INSTALLED_RUNTIME


def _load() -> tuple[LoadedConfig, str]:
    """Load the configuration however it looks, and say why it may not name the exchange."""
    try:
        return load(join_floor=True, keyless=True), ""
    except ConfigError as error:
        loaded = load(join_floor=True, lenient=True)
        if loaded.origins["mode"].layer is not Layer.DEFAULT:
            # The environment, the file, or what runs here has said which market it is.
            return loaded, ""
        return loaded, f"the configuration has an error ({error.problems[0]})"


def _other_floor(loaded: LoadedConfig) -> str:
    """Say so when the state is of another market than the one the configuration names."""
    try:
        owner = read_text(loaded.locations.state_dir / "floor").strip()
    except StorageError as error:
        return str(error)
    if owner in ("", loaded.locations.floor):
        return ""
    return f"the state is of a {owner} floor, the configuration says {loaded.locations.floor}"


def _tried_to_end(loaded: LoadedConfig) -> tuple[Ended, PolybotError | None]:
    """End the floor; what would not end is returned, as the orders are looked at all the same."""
    try:
        ended = _end(loaded)
        refuse_held(loaded.locations)
    except NotRoot:
        raise
    except PolybotError as error:
        return Ended(), error
    return ended, None


def _end(loaded: LoadedConfig) -> Ended:
    runtime_dir = loaded.locations.runtime_dir
    if is_service_floor(loaded):
        return end_units(runtime_dir, ServiceUnits())
    return end_processes(runtime_dir)


def _wait_word(text: str) -> None:
    warn(f"waiting for our orders at the exchange: {text}")


def _say_ended(loaded: LoadedConfig, ended: Ended) -> None:
    if not ended.stopped:
        say(f"not running: no process of a floor uses {loaded.locations.runtime_dir}")
        return
    count = plural(len(ended.stopped), "process")
    say(f"stopped {count} in {ended.took_s:.1f} s: {named(ended.stopped)}")
    if ended.killed:
        say(f"killed, because it did not end by itself: {named(ended.killed)}")
    say("nothing of the floor is running any more")


def _say_left(left: LeftOrders) -> None:
    if left.canceled:
        say(f"{plural(len(left.canceled), 'open order')} canceled")
    if left.problem:
        warn(
            f"polybot: nobody knows whether orders of ours are still open: {left.problem}; "
            "look again: polybot orders"
        )
    elif left.order_ids:
        say(f"{plural(len(left.order_ids), 'open order')} left: {left.why}")
        for order_id in left.order_ids:
            say(f"  {order_id}")
    else:
        say("no open order of ours is left")
    if left.foreign:
        say(
            f"{plural(len(left.foreign), 'open order')} of this wallet "
            f"{'is' if len(left.foreign) == 1 else 'are'} not known here: "
            "polybot cancel-all --all-wallet"
        )
