"""The watchdog's fence, as the trader sees it and as the watchdog keeps it."""

from typing import Protocol

import msgspec

from polybot.domain.fence import FenceRecord


class Fence(Protocol):
    """Says whether this session may still post; asked right before each POST, from any thread.

    Its answers are no input of a decision: what one withholds is in the journal as NOT_PLACED.
    """

    @property
    def epoch(self) -> int:
        """The epoch under which this session began."""

    def is_raised(self) -> bool:
        """Return whether the epoch is another one by now; once true, for ever."""

    def refusal(self, since_ns: int) -> str:
        """Return why an order that waits since `since_ns` (monotonic) must not leave, "" if it may.

        It must not when the fence was raised, or when more than two seconds went by.
        """

    def is_cleared(self) -> bool:
        """Return whether nothing of an older epoch rests at the exchange any more."""


class NoFence:
    """The fence where there is no watchdog: on a bench, in a replay."""

    epoch = 0

    def is_raised(self) -> bool:
        """Return that it is not."""
        return False

    def refusal(self, since_ns: int) -> str:
        """Return that any order may leave."""
        return ""

    def is_cleared(self) -> bool:
        """Return that nothing is left of an older epoch."""
        return True


NO_FENCE: Fence = NoFence()


class FenceStore(Protocol):
    """Keeps the fence; the watchdog alone writes it. Every method may raise StorageError."""

    def read(self) -> FenceRecord | None:
        """Return the fence, None when there is none yet."""

    def write(self, record: FenceRecord) -> None:
        """Keep a fence durably; every trader that runs sees its epoch when this returns."""

    def show(self, epoch: int) -> None:
        """Let traders see an epoch that is kept already."""


class ProcessIdentity(msgspec.Struct, frozen=True):
    """One process and no other: its id, and when it started (clock ticks since the machine did)."""

    pid: int
    started_ticks: int


class Killing(msgspec.Struct, frozen=True):
    """How a kill ended: `is_over` says that the process is gone or about to be, `detail` how."""

    is_over: bool
    detail: str


class ProcessKiller(Protocol):
    """Ends one process, never another one that was given its number since."""

    def identify(self, pid: int, uptime_s: float) -> ProcessIdentity | None:
        """Return who has a pid now, None when that cannot be who has run for `uptime_s`."""

    def lock_holder(self, older_than_s: float) -> ProcessIdentity | None:
        """Return who holds the trader's lock, None when nobody that old does."""

    def kill(self, identity: ProcessIdentity) -> Killing:
        """Kill a process with SIGKILL, if it still is the one that was identified."""


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """One listing of the account's open orders and what became of ours in it.

    `ours` are the ids whose cancel was asked for, `foreign` counts those left alone, `refused`
    holds the exchange's words for ids it did not cancel. `error` says why there was no listing.
    """

    ours: tuple[str, ...] = ()
    foreign: int = 0
    refused: dict[str, str] = {}
    error: str = ""


class OrderSweeper(Protocol):
    """Lists open orders and cancels those that we journaled, in the background."""

    def newest_seq(self) -> int:
        """Return the number of the trader's newest durable event, 0 when it cannot be told."""

    def begin(self, up_to_seq: int) -> None:
        """Begin a sweep of orders journaled up to an event; 0 means every one."""

    def take(self) -> Sweep | None:
        """Return a sweep that ended since the last call, None while there is none."""
