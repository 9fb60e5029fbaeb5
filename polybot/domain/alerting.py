"""Which alerts a person's chat must still hear of: each condition once, repeats collapsed."""

import msgspec

# A condition that comes and goes is told at most so often, with how often it came.
COLLAPSE_NS = 600_000_000_000
# After no chat took a text within its patience.
AGAIN_NS = 300_000_000_000
CRITICAL = "critical"


class Due(msgspec.Struct, frozen=True):
    """A text that nobody has heard yet.

    `times` is how often its condition came since the last message, 0 for the end alone; `gone` that
    it is over by now.
    """

    text: str
    times: int = 1
    gone: bool = False


class Told(msgspec.Struct, frozen=True):
    """What a chat took last about a condition, and when (wall time); `is_open` until told over."""

    text: str
    ts_ns: int
    is_open: bool = True


class Alerting(msgspec.Struct):
    """Keeps what is due by condition, as a fold over what happened; times are wall time, in ns.

    Invariant: what was raised is told, also when it is over by then; the end alone is told only
    where the beginning was.
    """

    due: dict[str, Due] = msgspec.field(default_factory=dict)
    told: dict[str, Told] = msgspec.field(default_factory=dict)

    def raised(self, key: str, severity: str, text: str) -> None:
        """Note a condition that came."""
        if severity != CRITICAL:
            return
        waiting = self.due.get(key)
        self.due[key] = Due(text, (waiting.times if waiting is not None else 0) + 1)

    def cleared(self, key: str) -> None:
        """Note a condition that is over."""
        waiting, told = self.due.get(key), self.told.get(key)
        if waiting is not None:
            self.due[key] = msgspec.structs.replace(waiting, gone=True)
        elif told is not None and told.is_open:
            self.due[key] = Due(told.text, times=0, gone=True)

    def delivered(self, key: str, *, times: int, over: bool, ts_ns: int) -> None:
        """Note what a chat took: how many times it said, and whether it said that it is over.

        What came while the message was on its way stays due.
        """
        due = self.due.pop(key, None)
        if due is None:
            return
        self.told[key] = Told(due.text, ts_ns, is_open=not over)
        if due.times > times:
            self.due[key] = msgspec.structs.replace(due, times=due.times - times)
        elif due.gone and not over:
            self.due[key] = Due(due.text, times=0, gone=True)

    def ready(self, now_ns: int) -> dict[str, Due]:
        """Return what may be told now, by condition."""
        return {
            key: due
            for key, due in self.due.items()
            if due.times == 0 or not self._is_too_soon(key, now_ns)
        }

    def forget_before(self, ts_ns: int) -> None:
        """Drop conditions that are over and were told of before a moment."""
        for key, told in list(self.told.items()):
            if not told.is_open and told.ts_ns < ts_ns and key not in self.due:
                del self.told[key]

    def _is_too_soon(self, key: str, now_ns: int) -> bool:
        told = self.told.get(key)
        # A clock that went back must not silence it for an hour.
        return told is not None and 0 <= now_ns - told.ts_ns < COLLAPSE_NS
