"""Orders that this installation sent and no journal has: those of `polybot doctor --live`."""

import logging
from collections.abc import Iterator
from pathlib import Path

from polybot.adapters.arming_files import LiveOrderFile, PendingOrderFile
from polybot.errors import StorageError

logger = logging.getLogger(__name__)


def doctor_orders(state_dir: Path) -> tuple[str, ...]:
    """Return the ids of the doctor's orders, first the one that may still rest.

    It writes them down before it sends them, and sends none while the trader runs. A file that
    cannot be read is said, and names none: its order then waits for a person as any stranger's.
    """
    return tuple(dict.fromkeys(order_id for order_id in _ids(state_dir) if order_id))


def _ids(state_dir: Path) -> Iterator[str]:
    try:
        yield PendingOrderFile(state_dir).read()
    except StorageError as error:
        logger.warning("%s", error)
    try:
        for proof in LiveOrderFile(state_dir).read():
            yield proof.order_hash
            yield proof.order_id
    except StorageError as error:
        logger.warning("%s", error)
