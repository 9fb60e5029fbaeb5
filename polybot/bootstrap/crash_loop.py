"""What a process notes of its starts and ends, and how it is held back when it keeps crashing."""

import logging
import os
import signal
from collections.abc import Callable, Iterable

from msgspec import structs

from polybot.adapters.clock import BootClock
from polybot.adapters.start_notes import StartNotes
from polybot.adapters.systemd import make_notifier
from polybot.config.load import LoadedConfig
from polybot.config.locations import RUNNER_NAME
from polybot.config.schema import Config
from polybot.domain.crash_loop import (
    SECOND_NS,
    CrashRules,
    StartNote,
    describe_loop,
    describe_wait,
    next_note,
    standing_loop,
)
from polybot.errors import StorageError
from polybot.ports import Notifier

logger = logging.getLogger(__name__)

TRADER = "trader"
# They hold the fence: the trader that is awaited, and who would raise it.
_AWAITED = frozenset({TRADER, "watchdog"})
_OF_FENCE = 0.4
# What the start itself may take once the wait is over (TimeoutStartSec= counts from its begin).
_START_S = 60.0
_TELL_S = 1.0
# What is told of a start that no later one can count.
_UNNOTED = " (this start cannot be noted)"
# A process started by systemd knows its invocation, and so does one of a floor that was started in
# a terminal of systemd's; elsewhere there is no journal to look into.
_INVOCATION = "INVOCATION_ID"


class Life:
    """One start of a process: its note, how long it has to wait, and its end."""

    def __init__(self, name: str, notes: StartNotes | None, note: StartNote, told: str) -> None:
        self._name = name
        self.notes = notes
        self._note = note
        # Why it is held back, "" when it is not; the trader then starts without entries.
        self.crash_loop = told

    @property
    def must_wait(self) -> bool:
        """Whether this start is held back."""
        return self._note.wait_ns > 0

    def wait(self, notifier: Notifier) -> bool:
        """Wait as long as a start in a crash loop must; returns False when asked to stop meanwhile.

        The service manager is told once a second, so that it neither gives up nor wonders.
        """
        left_s = self._note.wait_ns / SECOND_NS
        entries = ": starting without entries" if self._name == TRADER else ""
        wait = describe_wait(self._note.wait_ns)
        told = f"{self.crash_loop}{entries}, waiting {wait}"
        logger.warning("%s; %s", told, where_to_look(self._name))
        notifier.status(f"waiting {wait} after {self.crash_loop}")
        # Nothing handles signals yet: they are kept back, and asked for.
        asked = {signal.SIGTERM, signal.SIGINT}
        kept = signal.pthread_sigmask(signal.SIG_BLOCK, {*asked, signal.SIGHUP})
        try:
            while left_s > 0:
                notifier.extend_timeout(left_s + _START_S)
                if signal.sigtimedwait(asked, min(left_s, _TELL_S)) is not None:
                    logger.info("asked to stop while waiting")
                    return False
                left_s -= _TELL_S
            # A reload that was asked for meanwhile: nothing of this process is older than that.
            while signal.sigtimedwait({signal.SIGHUP}, 0) is not None:
                pass
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, kept)
        return True

    def end_well(self) -> None:
        """Note that this life ended on purpose, so that the next start is no crash."""
        if self.notes is None:
            return
        try:
            self.notes.write(structs.replace(self._note, ended=True))
        except StorageError as error:
            logger.warning("the next start will take this end for a crash: %s", error)
        self.notes.release()


def begin_life(name: str, loaded: LoadedConfig) -> Life:
    """Note that a process starts, and judge by what the last start noted.

    Notes that cannot be kept or read never stop a start: without them it counts as the first. One
    after a crash whose own note cannot be written waits longest, since no later one could count it.
    """
    clock = BootClock()
    now_ns = clock.now_ns()
    rules = rules_of(loaded.config, name)
    notes = StartNotes(loaded.locations.process_dir(name))
    first = StartNote(boot=clock.boot, begun_ns=now_ns)
    try:
        if not notes.hold():
            return Life(name, None, first, "")
    except StorageError as error:
        # Opening the process's own files says it in a moment, and what to do about it.
        logger.debug("starts are not counted: %s", error)
        return Life(name, None, first, "")
    try:
        known = notes.read()
    except StorageError as error:
        logger.warning("earlier starts are not counted: %s", error)
        known = None
    note = next_note(known, boot=clock.boot, now_ns=now_ns, rules=rules)
    try:
        notes.write(note)
    except StorageError as error:
        logger.warning("this start is not counted: %s", error)
        if known is not None and not known.ended and rules.crashes:
            note = structs.replace(note, wait_ns=rules.longest_wait_ns)
            return Life(name, notes, note, f"{describe_loop(note) or 'a crash'}{_UNNOTED}")
    return Life(name, notes, note, describe_loop(note))


def rules_of(config: Config, name: str) -> CrashRules:
    """Return the configured rules as they hold for a process.

    Trader and watchdog wait less than the others: the trader must be heard again before its silence
    raises the fence, and while the watchdog waits nobody would raise it.
    """
    told = config.crash_loop
    longest_s = told.longest_wait_s
    if name in _AWAITED:
        longest_s = min(longest_s, _OF_FENCE * config.watchdog.fence_s)
    return CrashRules(
        crashes=told.crashes,
        window_ns=int(told.window_s * SECOND_NS),
        quiet_ns=int(told.quiet_s * SECOND_NS),
        first_wait_ns=int(told.first_wait_s * SECOND_NS),
        longest_wait_ns=int(longest_s * SECOND_NS),
    )


def loops_of(loaded: LoadedConfig, processes: Iterable[str]) -> Callable[[], dict[str, str]]:
    """Return what tells the crash loops of these processes: by name, in a sentence each."""
    clock = BootClock()
    notes = {name: StartNotes(loaded.locations.process_dir(name)) for name in processes}
    rules = {name: rules_of(loaded.config, name) for name in notes}

    def loops() -> dict[str, str]:
        now_ns = clock.now_ns()
        told = {}
        for name, kept in notes.items():
            try:
                note = kept.read()
            except StorageError as error:
                logger.debug("starts of the %s are not known: %s", name, error)
                continue
            if note and standing_loop(note, boot=clock.boot, now_ns=now_ns, rules=rules[name]):
                wait = describe_wait(note.wait_ns)
                told[name] = f"{describe_loop(note)}, a start waits {wait}; {where_to_look(name)}"
        return told

    return loops


def where_to_look(name: str) -> str:
    """Return where a person finds why a process crashed."""
    if os.environ.get(_INVOCATION) and not os.environ.get(RUNNER_NAME):
        return f"why: journalctl -u polybot-{name}"
    return f"why: see what the {name} logged before each start"


def wait_as_told(life: Life) -> bool:
    """Let a life wait under the service manager of this process; see `Life.wait`."""
    if not life.must_wait:
        return True
    notifier = make_notifier()
    try:
        return life.wait(notifier)
    finally:
        notifier.close()
