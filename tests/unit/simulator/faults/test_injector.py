"""Faults strike the same calls in every run, as often as told, and each one is listed."""

from typing import Any

from polybot.simulator.faults.injector import FaultInjector, draw
from polybot.simulator.faults.plan import Fault, make_plan

S = 1_000_000_000
ORDER = "POST /order"


def injector(*rules: dict[str, Any], seed: int = 1) -> FaultInjector:
    return FaultInjector(make_plan({"seed": seed, "rules": list(rules)}))


def struck(faults: FaultInjector, calls: int, endpoint: str = ORDER) -> list[int]:
    return [call for call in range(1, calls + 1) if faults.answer(endpoint, 0) is not None]


def test_item_15_the_same_calls_meet_the_same_faults() -> None:
    rule = {"fault": "reset_before", "probability": 0.1}
    first = struck(injector(rule), 500)
    assert first == struck(injector(rule), 500)
    assert first != struck(injector(rule, seed=2), 500)
    assert 25 <= len(first) <= 80


def test_calls_of_other_endpoints_do_not_move_the_draws() -> None:
    rule = {"fault": "reset_before", "endpoint": "POST /order*", "probability": 0.1}
    beside = injector(rule)
    found = []
    for call in range(1, 501):
        assert beside.answer("GET /book", 0) is None
        if beside.answer(ORDER, 0) is not None:
            found.append(call)
    assert found == struck(injector(rule), 500)


def test_a_rule_strikes_at_the_nth_call_or_at_every_nth() -> None:
    assert struck(injector({"fault": "reset_before", "nth": 3}), 9) == [3]
    assert struck(injector({"fault": "reset_before", "every": 3}), 9) == [3, 6, 9]
    assert struck(injector({"fault": "reset_before", "every": 3, "times": 2}), 12) == [3, 6]


def test_a_rule_knows_its_endpoints_by_pattern() -> None:
    faults = injector({"fault": "reset_before", "every": 1, "endpoint": ["* /data/*", "GET /ok"]})
    assert faults.answer("GET /data/order/{order_id}", 0) is not None
    assert faults.answer("GET /ok", 0) is not None
    assert faults.answer("POST /ok", 0) is None


def test_a_rule_is_in_force_between_its_times() -> None:
    faults = injector({"fault": "reset_before", "every": 1, "after_s": 5, "until_s": 7})
    faults.use(faults.plan, 100 * S)
    inside = [second for second in range(100, 110) if faults.answer(ORDER, second * S) is not None]
    assert inside == [105, 106]


def test_the_first_rule_that_strikes_wins_and_all_count_the_call() -> None:
    faults = injector({"fault": "reset_before", "every": 2}, {"fault": "error_500_after", "nth": 2})
    assert struck(faults, 2) == [2]
    report = faults.report()
    assert [(rule["calls"], rule["injected"]) for rule in report["rules"]] == [(2, 1), (2, 0)]


def test_every_fault_is_counted_and_listed() -> None:
    faults = injector({"fault": "reset_before", "every": 2})
    faults.answer(ORDER, 1)
    faults.answer(ORDER, 2)
    report = faults.report()
    assert report["total"] == 1
    (row,) = report["injected"]
    assert (row.rule, row.fault, row.endpoint, row.call, row.market_ns) == (
        1,
        "reset_before",
        ORDER,
        2,
        2,
    )
    assert report["rules"] == [
        {"fault": "reset_before", "every": 2, "number": 1, "calls": 2, "injected": 1}
    ]


def test_new_rules_count_from_the_start_and_forget_nothing_that_was() -> None:
    faults = injector({"fault": "reset_before", "nth": 1})
    assert struck(faults, 2) == [1]
    faults.use(faults.plan, 0)
    assert struck(faults, 2) == [1]
    assert faults.report()["total"] == 2
    faults.use(make_plan({}), 0)
    assert struck(faults, 5) == []
    assert faults.total == 2


def test_a_frame_meets_every_rule_of_its_stream_and_a_flush_only_its_own() -> None:
    faults = injector(
        {"fault": "duplicate", "every": 1, "stream": "user"},
        {"fault": "delay", "every": 1},
        {"fault": "shuffle", "every": 1},
    )
    assert [strike.rule.fault for strike in faults.frame("user", 0)] == [
        Fault.DUPLICATE,
        Fault.DELAY,
    ]
    assert [strike.rule.fault for strike in faults.frame("market", 0)] == [Fault.DELAY]
    flush = faults.frame("user", 0, (Fault.SHUFFLE,))
    assert [strike.rule.fault for strike in flush] == [Fault.SHUFFLE]


def test_draws_are_spread_evenly() -> None:
    drawn = [draw(7, "part", number) for number in range(2000)]
    assert all(0 <= value < 1 for value in drawn)
    assert 0.45 < sum(drawn) / len(drawn) < 0.55
