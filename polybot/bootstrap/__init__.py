"""The composition root: the only place that knows services and adapters both.

One module a process; only the one that is asked for is imported, so that no process pays for what
another one needs.
"""

import importlib
import logging
import os
import signal
import sys

from msgspec import structs

from polybot.adapters.parent_death import end_with_parent
from polybot.bootstrap.chaos.conditions import suffer_as_told
from polybot.bootstrap.crash_loop import TRADER, Life, begin_life, wait_as_told
from polybot.bootstrap.crash_stop import stand_still_as_told
from polybot.config.alerts import AlertsConfig
from polybot.config.load import LoadedConfig, load
from polybot.config.locations import RUNNER_NAME
from polybot.errors import ConfigError, PolybotError, StartRefused
from polybot.runtime.daemon import EXIT_CONFIG, EXIT_ERROR, EXIT_OK
from polybot.runtime.logs import LogSettings, SecretMask, configure_logging

logger = logging.getLogger(__name__)

_STOPS = (signal.SIGTERM, signal.SIGINT)


class _AskedToStop(SystemExit):
    """A stop before the daemon handles signals; no code on the way takes it for an error."""


def for_process(name: str, loaded: LoadedConfig) -> LoadedConfig:
    """Return the configuration a process may see: each secret goes to the one that needs it."""
    config, values = loaded.config, dict(loaded.values)
    if name != "trader":
        wallet = structs.replace(config.wallet, private_key="")
        config = structs.replace(config, wallet=wallet)
        values["wallet.private_key"] = ""
    if name != "watchdog":
        config = structs.replace(config, alerts=AlertsConfig())
        values |= {path: "" for path in values if path.startswith("alerts.")}
    return structs.replace(loaded, config=config, values=values)


def run_process(name: str) -> int:
    """Build one process of the floor, run it to its end and return its exit code.

    What keeps it from starting is one line in the log. A start that another process forbids ends
    with 78, which no service manager tries again, and stops the runner of its own floor. One that
    crashed again and again is held back first. Raises ConfigError, with every problem at once,
    before anything is opened.
    """
    loaded = for_process(name, load(dict(os.environ), keyless=name != "trader"))
    runner = os.environ.get(RUNNER_NAME, "")
    if runner and not end_with_parent(int(runner)):
        return EXIT_OK
    stand_still_as_told(os.environ, mode=loaded.config.mode)
    suffer_as_told(name, os.environ, mode=loaded.config.mode)
    log = loaded.config.log
    settings = LogSettings(
        level=log.level,
        as_json=log.format == "json",
        file=log.path(loaded.locations.root),
    )
    mask = configure_logging(name, settings, stream=sys.stderr)
    # Kept back until the note of this start has a life that can end it.
    kept = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    before = {each: signal.signal(each, _leave) for each in _STOPS}
    try:
        life = begin_life(name, loaded)
        return _live(name, loaded, mask, life, kept)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, kept)


def _live(
    name: str,
    loaded: LoadedConfig,
    mask: SecretMask,
    life: Life,
    kept: set[int] | set[signal.Signals],
) -> int:
    """Run a life that was begun with signals kept back, and note its end if it was on purpose."""
    try:
        if not wait_as_told(life):
            life.end_well()
            return EXIT_OK
        # From here on a stop ends the start at once, until the daemon handles it.
        signal.pthread_sigmask(signal.SIG_SETMASK, kept)
        code = _run(name, loaded, mask, life)
    except _AskedToStop:
        logger.info("asked to stop while starting")
        life.end_well()
        return EXIT_OK
    except ConfigError:
        life.end_well()
        raise
    if code in (EXIT_OK, EXIT_CONFIG):
        # Asked to stop, or nothing that another start would mend: neither is a crash.
        life.end_well()
    return code


def _leave(*_: object) -> None:
    raise _AskedToStop(EXIT_OK)


def _run(name: str, loaded: LoadedConfig, mask: SecretMask, life: Life) -> int:
    module = importlib.import_module(f"polybot.bootstrap.{name}")
    runner = os.environ.get(RUNNER_NAME, "")
    try:
        if name == TRADER:
            code: int = module.run(loaded, mask, life.crash_loop)
        else:
            code = module.run(loaded, mask)
    except ConfigError:
        raise
    except StartRefused as error:
        logger.critical("%s must not start: %s", name, error)
        if runner:
            # Without this process the rest of its floor is of no use, and may be of harm: its
            # watchdog would take the other's orders for those of a trader that is gone.
            logger.critical("stopping this floor")
            os.kill(int(runner), signal.SIGTERM)
        return EXIT_CONFIG
    except PolybotError as error:
        logger.critical("%s cannot start: %s", name, error)
        return EXIT_ERROR
    return code
