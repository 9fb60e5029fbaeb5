"""Spells and flows come by market time, whoever looks and however often."""

from typing import Any

from polybot.simulator.faults.injector import FaultInjector
from polybot.simulator.faults.plan import Fault, make_plan
from polybot.simulator.faults.timed import TimedFaults

S = 1_000_000_000
HOUR = 3600 * S


class Actions:
    """Keeps what it is asked to do; an exchange in a phase begins no other."""

    def __init__(self) -> None:
        self.phases: list[tuple[Fault, int, int]] = []
        self.flows: list[tuple[Fault, int, int]] = []
        self.shares: list[tuple[int, int, int]] = []

    def begin_phase(self, fault: Fault, now_ns: int, until_ns: int) -> bool:
        if self.phases and now_ns < self.phases[-1][2]:
            return False
        self.phases.append((fault, now_ns, until_ns))
        return True

    def flow(self, fault: Fault, now_ns: int, amount_usdc: int, number: int) -> bool:
        assert number == len(self.flows)
        self.flows.append((fault, now_ns, amount_usdc))
        return True

    def share(self, failed_ppm: int, retrying_ppm: int, unresolved_ppm: int) -> None:
        self.shares.append((failed_ppm, retrying_ppm, unresolved_ppm))


def timed(*rules: dict[str, Any]) -> tuple[TimedFaults, Actions]:
    actions = Actions()
    injector = FaultInjector(make_plan({"seed": 4, "rules": list(rules)}))
    return TimedFaults(injector, actions), actions


def play(faults: TimedFaults, hours: float, step_s: float) -> None:
    for number in range(int(hours * 3600 / step_s) + 1):
        faults.run(int(number * step_s * S))


def test_item_15_a_restart_begins_by_the_hour_and_lasts_its_seconds() -> None:
    faults, actions = timed({"fault": "restart", "per_hour": 2, "seconds": 90})
    play(faults, 50, 1)
    assert 70 <= len(actions.phases) <= 130
    assert all(until - begin == 90 * S for _, begin, until in actions.phases)
    assert faults.injector.total == len(actions.phases)


def test_how_often_somebody_looks_changes_nothing_but_the_moment() -> None:
    often, seldom = (timed({"fault": "deposit", "per_hour": 5}) for _ in range(2))
    play(often[0], 10, 1)
    play(seldom[0], 10, 60)
    assert len(often[1].flows) == len(seldom[1].flows) > 20


def test_a_spell_that_says_nothing_of_hours_begins_once_and_lasts() -> None:
    faults, _ = timed({"fault": "closed_only", "after_s": 10, "until_s": 20})
    found = []
    for second in range(30):
        faults.run(second * S)
        if faults.active(Fault.CLOSED_ONLY, second * S):
            found.append(second)
    assert found == list(range(10, 20))
    forever, _ = timed({"fault": "geoblocked"})
    forever.run(0)
    assert forever.active(Fault.GEOBLOCKED, 1000 * HOUR) is not None
    assert forever.active(Fault.CLOSED_ONLY, 0) is None


def test_a_restart_that_says_nothing_ends_by_itself() -> None:
    faults, actions = timed({"fault": "restart"})
    play(faults, 0.1, 1)
    assert actions.phases == [(Fault.RESTART, 0, 90 * S)]


def test_a_phase_that_cannot_begin_is_not_counted() -> None:
    faults, actions = timed({"fault": "restart"}, {"fault": "disabled"})
    faults.run(0)
    assert [fault for fault, _, _ in actions.phases] == [Fault.RESTART]
    assert faults.injector.total == 1


def test_flows_carry_their_amount_in_micro_dollars() -> None:
    faults, actions = timed({"fault": "deposit", "amount_usdc": "2.5"})
    faults.run(3 * S)
    faults.run(9 * S)
    assert actions.flows == [(Fault.DEPOSIT, 3 * S, 2_500_000)]


def test_shares_are_set_when_rules_come_into_force() -> None:
    faults, actions = timed({"fault": "failed_settlement", "probability": 0.02})
    faults.run(0)
    faults.run(S)
    faults.injector.use(make_plan({}), 2 * S)
    faults.run(2 * S)
    assert actions.shares == [(20_000, 0, 0), (0, 0, 0)]


def test_item_14_a_disconnect_by_the_hour_awaits_the_next_frame() -> None:
    faults, _ = timed({"fault": "disconnect", "stream": "market", "per_hour": 2})
    play(faults, 10, 5)
    assert faults.injector.total == 0
    assert faults.injector.frame("user", 0) == []
    assert [strike.rule.fault for strike in faults.injector.frame("market", 0)] == [
        Fault.DISCONNECT
    ]


def test_a_jump_over_a_gap_is_not_made_up_for() -> None:
    faults, actions = timed({"fault": "deposit", "per_hour": 20})
    faults.run(0)
    faults.run(10_000 * HOUR)
    assert len(actions.flows) < 120


def test_new_rules_end_the_spells_of_the_old_ones() -> None:
    faults, _ = timed({"fault": "closed_only"})
    faults.run(0)
    faults.injector.use(make_plan({}), S)
    faults.run(S)
    assert faults.active(Fault.CLOSED_ONLY, S) is None


def test_a_quiet_stream_does_not_save_faults_up() -> None:
    faults, _ = timed({"fault": "freeze", "stream": "user", "per_hour": 60})
    play(faults, 2, 5)
    assert len(faults.injector.frame("user", 0)) == 1
    assert faults.injector.frame("user", 0) == []
