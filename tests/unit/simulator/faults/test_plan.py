"""A file of faults is read whole, and everything wrong in it is told at once."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from polybot.errors import ConfigError
from polybot.simulator.faults.plan import TRAITS, Fault, FaultPlan, Kind, make_plan, read_plan

SAMPLE = Path(__file__).parents[4] / "config" / "faults.toml"


def test_a_file_says_the_same_as_toml_and_as_json(tmp_path: Path) -> None:
    toml = tmp_path / "faults.toml"
    toml.write_text('seed = 3\n[[rules]]\nfault = "slow_answer"\nevery = 2\nseconds = 0.5\n')
    written = tmp_path / "faults.json"
    told = {"seed": 3, "rules": [{"fault": "slow_answer", "every": 2, "seconds": 0.5}]}
    written.write_text(json.dumps(told))
    plan = read_plan(toml)
    assert plan == read_plan(written)
    assert plan.seed == 3
    assert (plan.rules[0].fault, plan.rules[0].lasts_s) == (Fault.SLOW_ANSWER, 0.5)


def test_the_sample_turns_on_every_fault_at_two_in_a_hundred() -> None:
    rules = read_plan(SAMPLE).rules
    assert {rule.fault for rule in rules} == set(Fault)
    assert all(rule.probability <= 0.02 for rule in rules)
    spells = [rule for rule in rules if rule.kind is Kind.SPELL]
    # The two minutes after a restart are part of its share of the hour.
    after_s = {Fault.RESTART: 120}
    for rule in spells:
        lasts_s = rule.seconds + after_s.get(rule.fault, 0)
        assert 60 <= rule.per_hour * lasts_s <= 75


def test_every_fault_has_a_kind() -> None:
    assert set(TRAITS) == set(Fault)


def test_what_a_rule_leaves_out_follows_from_its_fault() -> None:
    rule = make_plan({"rules": [{"fault": "withheld_after", "nth": 1}]}).rules[0]
    assert rule.places == ("POST /order*",)
    # Both official clients have given up by then.
    assert rule.lasts_s > 10
    flow = make_plan({"rules": [{"fault": "deposit", "amount_usdc": "2.5"}]}).rules[0]
    assert flow.amount_usdc == Decimal("2.5")


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"fault": "absent"}, "expected fault as one of withheld_after, "),
        ({"probability": 0.1}, "expected fault as one of withheld_after, "),
        ("slow_answer", "object"),
        ({"fault": "slow_answer", "chance": 0.1}, "unknown field `chance`; the keys are fault, "),
        ({"fault": "slow_answer", "nth": "1"}, "Expected `int`"),
        ({"fault": "slow_answer"}, "to say nth or every or probability, was nothing"),
        ({"fault": "slow_answer", "nth": 1, "every": 2}, "was nth and every"),
        ({"fault": "restart", "probability": 0.02}, "to say per_hour or nothing, was probability"),
        ({"fault": "duplicate", "per_hour": 1}, "to say nth, every or probability, was per_hour"),
        ({"fault": "slow_answer", "probability": 1.5}, "expected probability from 0 to 1, was 1.5"),
        ({"fault": "slow_answer", "nth": 1, "seconds": -1}, "expected seconds from 0 on, was -1"),
        (
            {"fault": "restart", "after_s": 5, "until_s": 5},
            "expected until_s after after_s 5.0, was 5.0",
        ),
        ({"fault": "deposit", "amount_usdc": 0}, "expected amount_usdc above 0, was 0"),
        ({"fault": "freeze", "nth": 1, "endpoint": "GET /"}, "expected no endpoint for freeze"),
        ({"fault": "reset_before", "nth": 1, "stream": "user"}, "expected no stream for reset"),
        ({"fault": "freeze", "nth": 1, "stream": "x"}, "expected stream as one of market, user"),
    ],
)
def test_a_wrong_rule_is_named_with_what_was_expected(rule: Any, problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        make_plan({"rules": [{"fault": "reset_before", "nth": 1}, rule]})
    (line,) = refused.value.problems
    assert line.startswith("faults: rule 2: ")
    assert problem in line


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        make_plan({"sede": 1, "seed": "x", "rules": [{"fault": "a"}, {"fault": "b"}]}, name="file")
    starts = [line.partition(", ")[0] for line in refused.value.problems]
    assert starts == [
        "file: expected seed and rules",
        "file: expected seed as a whole number",
        "file: rule 1: expected fault as one of withheld_after",
        "file: rule 2: expected fault as one of withheld_after",
    ]
    with pytest.raises(ConfigError, match="expected a table with seed and rules"):
        make_plan([])


@pytest.mark.parametrize("text", ["[[rules", "\xff"])
def test_a_file_that_cannot_be_read_is_a_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "faults.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"simulator\.faults: expected a readable file"):
        read_plan(path)
    with pytest.raises(ConfigError, match=r"simulator\.faults: expected a readable file"):
        read_plan(tmp_path / "absent.toml")


def test_no_rules_are_no_faults() -> None:
    assert make_plan({}) == FaultPlan()
