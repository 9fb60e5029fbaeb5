"""Crash loops: how often a process crashed of late, and how long its next start is held back.

Times are CLOCK_BOOTTIME nanoseconds of one boot, which nobody can set. A note of another boot says
nothing: a reboot is no crash.
"""

import msgspec

SECOND_NS = 1_000_000_000
MINUTE_S = 60
# Where the waits have long reached their longest; a note that was tampered with may say anything.
_MOST_DOUBLINGS = 32
_MOST_REMEMBERED = 100


class CrashRules(msgspec.Struct, frozen=True, kw_only=True):
    """What is a crash loop: `crashes` within `window_ns`; 0 crashes: nothing ever is.

    The first start in a loop waits `first_wait_ns`, each further one twice as long, up to
    `longest_wait_ns`. A process that ran for `quiet_ns` is out of its loop.
    """

    crashes: int = 3
    window_ns: int = 60 * SECOND_NS
    quiet_ns: int = 300 * SECOND_NS
    first_wait_ns: int = SECOND_NS
    longest_wait_ns: int = 30 * SECOND_NS


class CrashLoop(msgspec.Struct, frozen=True, kw_only=True):
    """A loop that stands: its crashes, the time of the first, and the starts held back so far."""

    crashes: int
    since_ns: int
    waits: int


class StartNote(msgspec.Struct, frozen=True, kw_only=True):
    """What a process notes of its newest start, to be read by the next one.

    `boot` is the boot's id, `begun_ns` when it began, `wait_ns` how long it was held back then.
    `ended` says that it ended on purpose; a start after one that did not counts as a crash.
    `crashes_ns` are the newest crashes, as the starts after them noticed them.
    """

    boot: str
    begun_ns: int
    wait_ns: int = 0
    ended: bool = False
    crashes_ns: tuple[int, ...] = ()
    loop: CrashLoop | None = None

    @property
    def works_from_ns(self) -> int:
        """When it began its own work."""
        return self.begun_ns + self.wait_ns


def next_note(known: StartNote | None, *, boot: str, now_ns: int, rules: CrashRules) -> StartNote:
    """Return the note of a start that happens now, after what the one before had noted."""
    if known is None or known.boot != boot or known.begun_ns > now_ns:
        return StartNote(boot=boot, begun_ns=now_ns)
    since_ns = now_ns - rules.window_ns
    recent = tuple(at for at in known.crashes_ns if since_ns <= at <= now_ns)[-_MOST_REMEMBERED:]
    if known.ended:
        # A person or the service manager stopped it and starts it again: that never waits.
        return StartNote(boot=boot, begun_ns=now_ns, crashes_ns=recent)
    crashes = (*recent, now_ns)
    loop = _loop_after(standing_loop(known, boot=boot, now_ns=now_ns, rules=rules), crashes, rules)
    return StartNote(
        boot=boot,
        begun_ns=now_ns,
        wait_ns=_wait_ns(loop, rules),
        crashes_ns=crashes,
        loop=loop,
    )


def standing_loop(
    note: StartNote | None, *, boot: str, now_ns: int, rules: CrashRules
) -> CrashLoop | None:
    """Return the loop that a process of this note is in, None when it is in none, or out of it."""
    if note is None or note.boot != boot or note.ended or not rules.crashes:
        return None
    return note.loop if note.begun_ns <= now_ns < note.works_from_ns + rules.quiet_ns else None


def describe_loop(note: StartNote) -> str:
    """Return how often a process in a loop crashed in which time, "" when it is in none."""
    if note.loop is None:
        return ""
    span_s = (note.begun_ns - note.loop.since_ns) / SECOND_NS
    span = f"{span_s:.0f} s" if span_s < 2 * MINUTE_S else f"{span_s / MINUTE_S:.0f} min"
    crashes = note.loop.crashes
    return f"{crashes} crashes in {span}" if crashes > 1 else "a crash"


def describe_wait(wait_ns: int) -> str:
    """Return a wait in seconds, as short as it is exact enough for a person."""
    return f"{wait_ns / SECOND_NS:.3g} s"


def _loop_after(
    standing: CrashLoop | None, crashes: tuple[int, ...], rules: CrashRules
) -> CrashLoop | None:
    if standing is not None:
        # The waits grow: the crashes of a loop soon lie further apart than the window is long.
        return CrashLoop(
            crashes=standing.crashes + 1, since_ns=standing.since_ns, waits=standing.waits + 1
        )
    if not rules.crashes or len(crashes) < rules.crashes:
        return None
    return CrashLoop(crashes=len(crashes), since_ns=crashes[0], waits=1)


def _wait_ns(loop: CrashLoop | None, rules: CrashRules) -> int:
    if loop is None:
        return 0
    doublings = min(max(loop.waits - 1, 0), _MOST_DOUBLINGS)
    return min(rules.first_wait_ns << doublings, rules.longest_wait_ns)
