"""The composition root: the only place that knows services and adapters both.

One module a process; only the one that is asked for is imported, so that no process pays for what
another one needs.
"""

import importlib
import os
import sys

from polybot.config.load import load
from polybot.runtime.logs import configure_logging


def run_process(name: str) -> int:
    """Build one process of the floor, run it to its end and return its exit code.

    Raises ConfigError, with every problem at once, before anything is opened.
    """
    loaded = load(dict(os.environ))
    mask = configure_logging(name, level=loaded.config.log.level, stream=sys.stderr)
    module = importlib.import_module(f"polybot.bootstrap.{name}")
    code: int = module.run(loaded, mask)
    return code
