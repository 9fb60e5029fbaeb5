"""Lists the account's open orders and cancels our own among them, in a thread of its own."""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from polybot.errors import PolybotError
from polybot.exchange.wire_account import OpenOrder
from polybot.ports.fence import Sweep

logger = logging.getLogger(__name__)


class Canceled(Protocol):
    """How a cancel ended."""

    @property
    def not_canceled(self) -> dict[str, str]:
        """The exchange's words for each id that is not gone."""


class Account(Protocol):
    """The account at the exchange; every method waits, and may raise PolybotError."""

    def open_orders(self) -> list[OpenOrder]:
        """Return every open order, whoever placed it."""

    def cancel(self, order_ids: Sequence[str]) -> Canceled:
        """Cancel orders by their ids."""


class OwnOrders(Protocol):
    """Which orders this floor journaled; both methods may raise PolybotError."""

    def newest_seq(self) -> int:
        """Return the number of the trader's newest durable event, 0 before there is any."""

    def of(self, order_ids: Sequence[str], up_to_seq: int) -> frozenset[str]:
        """Return those that the trader journaled up to an event, 0: ever."""


class ThreadedSweeper:
    """One sweep at a time; a thread lives only as long as its sweep.

    `open_account` opens the account anew for each sweep: the credentials may have been renewed.
    """

    def __init__(
        self,
        open_account: Callable[[], AbstractContextManager[Account]],
        own: OwnOrders,
        wake: Callable[[], None],
    ) -> None:
        self._open_account = open_account
        self._own = own
        self._wake = wake
        self._thread: threading.Thread | None = None
        self._ended: Sweep | None = None

    def newest_seq(self) -> int:
        """Return the number of the trader's newest durable event, 0 when it cannot be told."""
        try:
            return self._own.newest_seq()
        except PolybotError as error:
            logger.warning("the trader's journal cannot be read: %s", error)
            return 0

    def begin(self, up_to_seq: int) -> None:
        """Begin a sweep of orders journaled up to an event, unless one is under way; 0: all."""
        if self._thread is not None:
            return
        self._thread = threading.Thread(
            target=self._run, args=(up_to_seq,), name="fence-sweep", daemon=True
        )
        self._thread.start()

    def take(self) -> Sweep | None:
        """Return a sweep that ended since the last call, None while there is none."""
        if self._ended is None:
            return None
        ended, self._ended, self._thread = self._ended, None, None
        return ended

    def _run(self, up_to_seq: int) -> None:
        sweep = Sweep(error="the sweep failed, see above")
        try:
            sweep = self._sweep(up_to_seq)
        except PolybotError as error:
            sweep = Sweep(error=str(error))
        finally:
            # Whatever went wrong: a sweep that never ends would be the last one.
            self._ended = sweep
            self._wake()

    def _sweep(self, up_to_seq: int) -> Sweep:
        with self._open_account() as account:
            listed = [order.id for order in account.open_orders()]
            ours = self._ours(listed, up_to_seq)
            refused = account.cancel(ours).not_canceled if ours else {}
        return Sweep(ours=ours, foreign=len(listed) - len(ours), refused=refused)

    def _ours(self, listed: Sequence[str], up_to_seq: int) -> tuple[str, ...]:
        if not listed:
            return ()
        try:
            known = self._own.of(listed, up_to_seq)
        except PolybotError as error:
            # Nobody can tell ours from others': an order too few is worse than a foreign one gone.
            logger.warning("every open order is canceled, ours are not to be told: %s", error)
            return tuple(listed)
        return tuple(order_id for order_id in listed if order_id in known)
