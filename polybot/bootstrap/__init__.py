"""The composition root: the only place that knows services and adapters both.

One module a process; only the one that is asked for is imported, so that no process pays for what
another one needs.
"""

import importlib
import logging
import os
import sys

from msgspec import structs

from polybot.adapters.parent_death import end_with_parent
from polybot.bootstrap.crash_stop import stand_still_as_told
from polybot.config.load import LoadedConfig, load
from polybot.config.locations import RUNNER_NAME
from polybot.errors import ConfigError, PolybotError
from polybot.runtime.daemon import EXIT_ERROR, EXIT_OK
from polybot.runtime.logs import configure_logging

logger = logging.getLogger(__name__)


def for_process(name: str, loaded: LoadedConfig) -> LoadedConfig:
    """Return the configuration a process may see: only the trader gets the private key."""
    if name == "trader":
        return loaded
    wallet = structs.replace(loaded.config.wallet, private_key="")
    return structs.replace(
        loaded,
        config=structs.replace(loaded.config, wallet=wallet),
        values={**loaded.values, "wallet.private_key": ""},
    )


def run_process(name: str) -> int:
    """Build one process of the floor, run it to its end and return its exit code.

    What keeps it from starting is one line in the log. Raises ConfigError, with every problem at
    once, before anything is opened.
    """
    loaded = for_process(name, load(dict(os.environ)))
    runner = os.environ.get(RUNNER_NAME, "")
    if runner and not end_with_parent(int(runner)):
        return EXIT_OK
    stand_still_as_told(os.environ, mode=loaded.config.mode)
    mask = configure_logging(name, level=loaded.config.log.level, stream=sys.stderr)
    module = importlib.import_module(f"polybot.bootstrap.{name}")
    try:
        code: int = module.run(loaded, mask)
    except ConfigError:
        raise
    except PolybotError as error:
        logger.critical("%s cannot start: %s", name, error)
        return EXIT_ERROR
    return code
