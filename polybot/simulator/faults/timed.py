"""Faults that come with market time: spells, flows from outside, and frames' faults by the hour."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, Protocol

from polybot.domain.money import DOLLAR_USDC
from polybot.simulator.faults.injector import HOUR_S, NS_PER_S, FaultInjector, RuleState, draw
from polybot.simulator.faults.plan import Fault, FaultRule, Kind

# Chances are drawn once for each of these stretches of market time.
SLOT_S: Final = 5
SLOT_NS: Final = SLOT_S * NS_PER_S
# A jump over a gap of a recording is not made up for.
MOST_SLOTS: Final = 2000
PHASES: Final = (Fault.RESTART, Fault.CANCEL_ONLY, Fault.DISABLED)
EVER_NS: Final = 2**62


class FaultActions(Protocol):
    """What timed faults do to the exchange."""

    def begin_phase(self, fault: Fault, now_ns: int, until_ns: int) -> bool:
        """Let trading be restricted until a market time; return whether it is."""

    def flow(self, fault: Fault, now_ns: int, amount_usdc: int, number: int) -> bool:
        """Let something happen to an account from outside; return whether it did."""

    def share(self, failed_ppm: int, retrying_ppm: int, unresolved_ppm: int) -> None:
        """Set how many trades in a million fail or retry, and windows are not announced."""


class TimedFaults:
    """Begins and ends what lasts; call `run` with market time before anything is answered."""

    def __init__(self, injector: FaultInjector, actions: FaultActions) -> None:
        self.injector = injector
        self._actions = actions
        self._version = -1
        self._rules: tuple[RuleState, ...] = ()
        self._done_slot = 0
        self._spells: dict[Fault, tuple[FaultRule, int]] = {}

    def run(self, now_ns: int) -> None:
        """Let everything happen that is due by a market time."""
        if self._version != self.injector.version:
            self._adopt()
        if not self._rules:
            return
        slot = (now_ns - self.injector.since_ns) // SLOT_NS
        first = max(self._done_slot + 1, slot - MOST_SLOTS)
        for state in self._rules:
            for _ in self._due(state, first, slot, now_ns):
                self._strike(state, now_ns)
        self._done_slot = max(self._done_slot, slot)

    def active(self, fault: Fault, now_ns: int) -> FaultRule | None:
        """Return the rule of a spell that is on now, None when there is none."""
        spell = self._spells.get(fault)
        return spell[0] if spell is not None and now_ns < spell[1] else None

    def _adopt(self) -> None:
        self._version = self.injector.version
        self._done_slot = 0
        self._spells = {}
        frames = (state for state in self.injector.frames if state.rule.per_hour)
        spells, flows = (self.injector.of_kind(kind) for kind in (Kind.SPELL, Kind.FLOW))
        self._rules = (*spells, *flows, *frames)
        self._actions.share(
            *(
                round(1_000_000 * self._share(fault))
                for fault in (
                    Fault.FAILED_SETTLEMENT,
                    Fault.RETRYING_SETTLEMENT,
                    Fault.MISSING_RESOLUTION,
                )
            )
        )

    def _share(self, fault: Fault) -> float:
        rule = self.injector.find(fault)
        return rule.probability if rule else 0.0

    def _due(self, state: RuleState, first: int, slot: int, now_ns: int) -> Iterator[int]:
        """Yield once for each time a rule fires in the slots from `first` to `slot`."""
        rule = state.rule
        if not rule.per_hour:
            if not state.calls and self.injector.is_open(rule, now_ns):
                state.calls = 1
                yield 0
            return
        chance = rule.per_hour * SLOT_S / HOUR_S
        for number in range(first, slot + 1):
            moment_ns = self.injector.since_ns + number * SLOT_NS
            if state.spent or not self.injector.is_open(rule, moment_ns):
                continue
            state.calls += 1
            if draw(self.injector.plan.seed, state.number, "slot", number) < chance:
                yield number

    def _strike(self, state: RuleState, now_ns: int) -> None:
        rule = state.rule
        if rule.kind is Kind.FRAME:
            # The next frame of its stream meets it, and is what gets counted; a quiet stream does
            # not save them up.
            state.awaiting = 1
            return
        if rule.kind is Kind.FLOW:
            amount = int(Decimal(rule.amount_usdc) * DOLLAR_USDC)
            if self._actions.flow(rule.fault, now_ns, amount, state.fired):
                self.injector.inject(state, "account", state.calls, now_ns)
            return
        until_ns = self._end_of(rule, now_ns)
        if rule.fault in PHASES:
            if self._actions.begin_phase(rule.fault, now_ns, until_ns):
                self.injector.inject(state, "exchange", state.calls, now_ns)
        elif self.active(rule.fault, now_ns) is None:
            self._spells[rule.fault] = (rule, until_ns)
            self.injector.inject(state, "exchange", state.calls, now_ns)

    def _end_of(self, rule: FaultRule, now_ns: int) -> int:
        if rule.per_hour or rule.seconds:
            return now_ns + int(rule.lasts_s * NS_PER_S)
        if rule.fault is Fault.RESTART:
            # An exchange that never comes back is no restart.
            return now_ns + int(rule.lasts_s * NS_PER_S)
        if rule.until_s:
            return self.injector.since_ns + int(rule.until_s * NS_PER_S)
        return EVER_NS
