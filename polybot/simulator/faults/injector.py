"""The faults at work: draws them by seed and number, and keeps account of every one."""

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

import msgspec

from polybot.simulator.faults.plan import Fault, FaultPlan, FaultRule, Kind

NS_PER_S: Final = 1_000_000_000
HOUR_S: Final = 3600
# The newest injected faults are listed one by one, all of them are counted.
MOST_LISTED: Final = 20_000
_WHOLE: Final = 2**64


class Injected(msgspec.Struct, frozen=True, kw_only=True):
    """One fault that was shown: the number of its rule, where, at which call, and when."""

    rule: int
    fault: str
    endpoint: str
    call: int
    market_ns: int


class Strike(msgspec.Struct, frozen=True):
    """A rule that fired, with the number of the call it fired at."""

    number: int
    rule: FaultRule
    call: int


@dataclass(slots=True)
class RuleState:
    """A rule at work: how many calls it saw, how often it fired, and what awaits a frame."""

    number: int
    rule: FaultRule
    calls: int = 0
    fired: int = 0
    awaiting: int = 0
    matches: dict[str, bool] = field(default_factory=dict)

    def strikes_at(self, place: str) -> bool:
        """Say whether a rule is about an endpoint ("POST /order") or a stream."""
        known = self.matches.get(place)
        if known is None:
            known = any(fnmatchcase(place, pattern) for pattern in self.rule.places)
            self.matches[place] = known
        return known

    @property
    def spent(self) -> bool:
        """Whether it fired as often as it may."""
        return bool(self.rule.times) and self.fired >= self.rule.times


def draw(seed: int, *parts: object) -> float:
    """Return a number from 0 up to 1 that follows from its arguments alone."""
    text = "|".join(str(part) for part in (seed, *parts))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / _WHOLE


class FaultInjector:
    """Decides which call, frame or moment meets a fault.

    A draw follows from seed, rule, place and number, so the same calls meet the same faults.
    Numbers begin anew when rules come into force: at the start of the process, and when changed.
    """

    def __init__(self, plan: FaultPlan | None = None, since_ns: int = 0) -> None:
        self.version = 0
        self.since_ns = since_ns
        self.plan = plan or FaultPlan()
        self.states: list[RuleState] = []
        self.answers: Sequence[RuleState] = ()
        self.frames: Sequence[RuleState] = ()
        self.total = 0
        self._listed: deque[Injected] = deque(maxlen=MOST_LISTED)
        self.use(self.plan, since_ns)

    def use(self, plan: FaultPlan, since_ns: int) -> None:
        """Bring rules into force; what was injected before stays listed and counted."""
        self.version += 1
        self.plan = plan
        self.since_ns = since_ns
        self.states = [RuleState(number, rule) for number, rule in enumerate(plan.rules, start=1)]
        self.answers = self.of_kind(Kind.ANSWER)
        self.frames = self.of_kind(Kind.FRAME)

    def of_kind(self, kind: Kind) -> tuple[RuleState, ...]:
        """Return the rules of a kind."""
        return tuple(state for state in self.states if state.rule.kind is kind)

    def find(self, fault: Fault) -> FaultRule | None:
        """Return the first rule of a fault, None when there is none."""
        return next((rule for rule in self.plan.rules if rule.fault is fault), None)

    def answer(self, endpoint: str, now_ns: int) -> Strike | None:
        """Count a call, and return the first rule that fires for it; None lets it be."""
        found = None
        for state in self.answers:
            if state.strikes_at(endpoint) and self.is_open(state.rule, now_ns):
                state.calls += 1
                if found is None and self._fires(state, endpoint):
                    found = self.inject(state, endpoint, state.calls, now_ns)
        return found

    def frame(self, stream: str, now_ns: int, faults: Sequence[Fault] = ()) -> list[Strike]:
        """Count a frame, and return the rules that fire for it, of some faults or of all others.

        Some faults need to know more than a frame (SHUFFLE, DROP) and are asked for by name.
        """
        struck: list[Strike] = []
        for state in self.frames:
            is_asked = state.rule.fault in faults if faults else state.rule.fault not in _ASKED_FOR
            if not is_asked or not state.strikes_at(stream):
                continue
            if not self.is_open(state.rule, now_ns):
                continue
            state.calls += 1
            if state.awaiting and not state.spent:
                state.awaiting -= 1
                struck.append(self.inject(state, stream, state.calls, now_ns))
            elif self._fires(state, stream):
                struck.append(self.inject(state, stream, state.calls, now_ns))
        return struck

    def inject(self, state: RuleState, place: str, call: int, now_ns: int) -> Strike:
        """Keep account of a fault that is being shown."""
        state.fired += 1
        self.total += 1
        self._listed.append(
            Injected(
                rule=state.number,
                fault=state.rule.fault.value,
                endpoint=place,
                call=call,
                market_ns=now_ns,
            )
        )
        return Strike(state.number, state.rule, call)

    def is_open(self, rule: FaultRule, now_ns: int) -> bool:
        """Say whether a rule is in force at a market time."""
        passed_ns = now_ns - self.since_ns
        if passed_ns < rule.after_s * NS_PER_S:
            return False
        return not rule.until_s or passed_ns < rule.until_s * NS_PER_S

    def report(self) -> dict[str, Any]:
        """Tell the rules in force with their numbers, and the newest injected faults."""
        rules = []
        for state in self.states:
            told = {
                name: value
                for name, value in msgspec.to_builtins(state.rule).items()
                if value != _DEFAULTS.get(name)
            }
            rules.append({**told, "number": state.number, "calls": state.calls} | _fired(state))
        return {
            "seed": self.plan.seed,
            "since_ns": self.since_ns,
            "total": self.total,
            "rules": rules,
            "injected": list(self._listed),
        }

    def _fires(self, state: RuleState, place: str) -> bool:
        rule = state.rule
        if state.spent:
            return False
        if rule.nth:
            return state.calls == rule.nth
        if rule.every:
            return state.calls % rule.every == 0
        if not rule.probability:
            return False
        return draw(self.plan.seed, state.number, place, state.calls) < rule.probability


# These are asked for by name where what they need is known.
_ASKED_FOR: Final = (Fault.SHUFFLE, Fault.DROP)
_DEFAULTS: Final = msgspec.to_builtins(FaultRule(fault=Fault.SHUFFLE)) | {"fault": None}


def _fired(state: RuleState) -> dict[str, int]:
    return {"injected": state.fired}
