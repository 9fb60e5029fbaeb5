"""The daemon every process is: signals set flags, a loop lets the service work."""

import asyncio
import contextlib
import faulthandler
import gc
import logging
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from polybot.errors import ConfigError, DiskFull, FatalError, PolybotError
from polybot.ports import Clock, Notifier, Process

logger = logging.getLogger(__name__)

EXIT_OK = 0
EXIT_ERROR = 1
EXIT_CONFIG = 78

_NS = 1_000_000_000
# Going on after one of these would work on a state that cannot be kept.
_HOPELESS = (FatalError, ConfigError, DiskFull)


class DaemonSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How patient the loop is.

    `tick_s` is the longest sleep between turns; `max_failures` turns may fail in a row, with
    `first_backoff_s` after the first and twice as long after each next one, up to `last_backoff_s`;
    `stop_timeout_s` is how long the service may take to stop.
    """

    tick_s: float = 1.0
    max_failures: int = 8
    first_backoff_s: float = 0.05
    last_backoff_s: float = 2.0
    stop_timeout_s: float = 30.0


class Daemon:
    """Drives one service until a signal or an error ends it.

    Invariants: READY only after `service.start`; a watchdog ping only after a turn that did not
    fail, so a process that is stuck or keeps failing is restarted; STOPPING before `service.stop`.
    """

    def __init__(
        self,
        service: Process,
        notifier: Notifier,
        *,
        clock: Clock,
        settings: DaemonSettings | None = None,
        on_reload: Callable[[], None] | None = None,
    ) -> None:
        self._service = service
        self._notifier = notifier
        self._clock = clock
        self._settings = settings or DaemonSettings()
        self._on_reload = on_reload
        self._stop = asyncio.Event()
        self._reload = False
        self._progress = _Progress(notifier, clock)
        self._wish_s = 0.0
        self._failures = 0
        self.failed_turns = 0
        self.turns = 0

    def run(self) -> int:
        """Run until the end and return the exit code: 0, 1, or 78 for a bad configuration."""
        enable_stack_dumps()
        return asyncio.run(self.main())

    def request_stop(self) -> None:
        """Ask the loop to end after the current turn; what SIGTERM and SIGINT do."""
        self._stop.set()
        self._service.wake.set()

    def request_reload(self) -> None:
        """Ask for a reload before the next turn; what SIGHUP does."""
        self._reload = True
        self._service.wake.set()

    async def main(self) -> int:
        """Start the service, loop, stop it, and return the exit code."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._background_failure)
        loop.add_signal_handler(signal.SIGTERM, self.request_stop)
        loop.add_signal_handler(signal.SIGINT, self.request_stop)
        loop.add_signal_handler(signal.SIGHUP, self.request_reload)
        code = await self._guarded(self._work, "failed")
        self._notifier.stopping()
        logger.info("stopping")
        stop_code = await self._guarded(self._stop_service, "could not stop cleanly")
        return code or stop_code

    async def _guarded(self, step: Callable[[], Awaitable[None]], what: str) -> int:
        try:
            await step()
        except ConfigError as error:
            for problem in error.problems:
                logger.critical("configuration: %s", problem)
            return EXIT_CONFIG
        except PolybotError as error:
            # Raised on purpose, with what to do in its message: its traceback is for developers.
            logger.critical("%s %s: %s", self._service.name, what, error)
            logger.debug("it came from here", exc_info=error)
            return EXIT_ERROR
        except Exception:
            # The daemon is where an unforeseen error ends.
            logger.critical("%s %s", self._service.name, what, exc_info=True)
            return EXIT_ERROR
        return EXIT_OK

    async def _work(self) -> None:
        if not await self._start_service():
            return
        self._notifier.ready()
        # What a start leaves behind lives as long as the process: no collection looks at it again.
        # Looking for what is garbage among it first costs a tenth of a recovery and finds nothing.
        gc.freeze()
        gc.enable()
        while not self._stop.is_set():
            await self._sleep()
            self._service.wake.clear()
            if not self._stop.is_set():
                await self._turn()

    async def _start_service(self) -> bool:
        """Return whether the service started; a stop that comes first cancels the start."""
        starting = asyncio.ensure_future(self._service.start())
        stopped = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait((starting, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not starting.done():
            starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await starting
            return False
        starting.result()
        return True

    async def _sleep(self) -> None:
        if self._service.wake.is_set():
            # Sockets and timers still get their turn of the event loop.
            await asyncio.sleep(0)
            return
        sleep_s = max(0.0, min(self._wish_s, self._settings.tick_s, self._progress.interval_s))
        timer = asyncio.get_running_loop().call_later(sleep_s, self._service.wake.set)
        try:
            await self._service.wake.wait()
        finally:
            timer.cancel()

    async def _turn(self) -> None:
        try:
            if self._reload:
                self._reload_now()
            self._service.turn()
            self._wish_s = self._service.next_wake_s()
            self._progress.report(self._service)
        except _HOPELESS:
            raise
        except Exception as error:
            # One bad turn must not end a process that holds orders.
            self._wish_s = 0.0
            self._failures += 1
            self.failed_turns += 1
            logger.log(
                logging.ERROR,
                "turn failed (%d in a row, %d in all): %s",
                self._failures,
                self.failed_turns,
                error,
                # An error of ours says in its message what to do.
                exc_info=not isinstance(error, PolybotError),
            )
            await self._back_off()
            return
        self._failures = 0
        self.turns += 1

    async def _back_off(self) -> None:
        settings = self._settings
        if self._failures >= settings.max_failures:
            raise FatalError(f"expected a turn to succeed, {self._failures} failed in a row")
        pause = settings.first_backoff_s * 2 ** (self._failures - 1)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), min(pause, settings.last_backoff_s))

    def _reload_now(self) -> None:
        self._reload = False
        if self._on_reload is None:
            logger.info("reload asked for; this process reads its configuration at start only")
            return
        self._on_reload()

    async def _stop_service(self) -> None:
        stopping = asyncio.ensure_future(self._service.stop())
        deadline = self._clock.monotonic_ns() + int(self._settings.stop_timeout_s * _NS)
        while not stopping.done():
            left_s = (deadline - self._clock.monotonic_ns()) / _NS
            if left_s <= 0:
                stopping.cancel()
                raise FatalError(
                    f"expected to stop within {self._settings.stop_timeout_s} s, was still busy"
                )
            self._notifier.extend_timeout(min(left_s, 5.0) + 1.0)
            await asyncio.wait((stopping,), timeout=min(left_s, 1.0))
        stopping.result()

    def _background_failure(
        self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]
    ) -> None:
        # It failed outside a turn: its owner goes without an answer, the loop goes on.
        logger.error("%s", context["message"], exc_info=context.get("exception"))


class _Progress:
    """Tells the service manager of each good turn, and of a changed status, at a bounded rate."""

    def __init__(self, notifier: Notifier, clock: Clock) -> None:
        self._notifier = notifier
        self._clock = clock
        deadline_s = notifier.watchdog_interval_s()
        # Three pings fit into a deadline, so two may be late.
        self.interval_s = deadline_s / 3 if deadline_s is not None else float("inf")
        self._watched = deadline_s is not None
        self._next_ping_ns = 0
        self._next_status_ns = 0
        self._status = ""

    def report(self, service: Process) -> None:
        """Ping and say the status, as far as it is time to."""
        now = self._clock.monotonic_ns()
        if self._watched and now >= self._next_ping_ns:
            self._next_ping_ns = now + int(self.interval_s * _NS)
            self._notifier.watchdog()
        if now < self._next_status_ns:
            return
        status = service.status()
        if status != self._status:
            self._status = status
            self._next_status_ns = now + _NS
            self._notifier.status(status)


def enable_stack_dumps() -> None:
    """Print every thread's stack on a crash, on the watchdog's SIGABRT, and on SIGUSR1."""
    faulthandler.enable(file=sys.stderr, all_threads=True)
    faulthandler.register(signal.SIGUSR1, file=sys.stderr, all_threads=True, chain=False)
