"""All checks at once, never longer than a person waits."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from polybot.cli.checks import CheckStatus, Row
from polybot.cli.examination import (
    FIRST_S,
    REST_S,
    at_once,
    exchange_rows,
    failed,
    load_for_examination,
)
from polybot.config.load import LoadedConfig, load
from polybot.errors import ConfigError, Unavailable
from tests.unit.cli.surroundings import FakeSurroundings, account

OK = Row("a", CheckStatus.OK, "well")


def environment(state_dir: Path, **settings: str) -> dict[str, str]:
    return {
        "POLYBOT_CONFIG": str(state_dir.parent / "polybot.toml"),
        "POLYBOT_STATE_DIR": str(state_dir),
        **settings,
    }


@pytest.fixture
def live(state_dir: Path) -> LoadedConfig:
    return load_for_examination(environment(state_dir, POLYBOT__MODE="live")).loaded


def test_what_does_not_end_is_a_failed_row_and_holds_up_nothing_else() -> None:
    never = threading.Event()

    def hangs() -> Row:
        never.wait(30)
        return OK

    began = time.monotonic()
    rows = at_once({"a": lambda: OK, "b": hangs}, 0.2)
    never.set()
    assert rows["a"] == OK
    assert rows["b"].status is CheckStatus.FAIL
    assert "0.2 s" in rows["b"].detail
    assert rows["b"].fix
    assert time.monotonic() - began < 10


def test_together_the_waits_leave_room_within_fifteen_seconds() -> None:
    assert FIRST_S + REST_S <= 13


def test_every_check_has_its_row_in_a_live_mode(live: LoadedConfig) -> None:
    rows = exchange_rows(live, account(), FakeSurroundings(), running=False)
    assert [row.check for row in rows][:3] == ["exchange version", "clock skew", "wallet"]
    assert len(rows) == 15
    assert [*failed(rows)] == []


def test_an_exchange_that_does_not_answer_is_asked_nothing_more(live: LoadedConfig) -> None:
    asked = FakeSurroundings(version=Unavailable("no route"))
    rows = {row.check: row for row in exchange_rows(live, account(), asked, running=False)}
    assert rows["exchange version"].status is CheckStatus.FAIL
    assert rows["allowance"].status is CheckStatus.SKIP
    assert {"holding", "api_keys", "is_closed_only", "fees"}.isdisjoint(asked.asked)


def test_a_simulated_exchange_is_asked_what_makes_sense_there(state_dir: Path) -> None:
    loaded = load(environment(state_dir))
    asked = FakeSurroundings()
    (skipped,) = exchange_rows(loaded, account(), asked, running=False)
    assert (skipped.status, asked.asked) == (CheckStatus.SKIP, [])
    rows = exchange_rows(loaded, account(), asked, running=True)
    assert {row.check for row in rows} == {
        "exchange version",
        "credentials",
        "closed-only",
        "allowance",
    }


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"POLYMARKET_PRIVATE_KEY": "nonsense"},
        {"POLYMARKET_SIGNATURE_TYPE": "3"},
        {"DRY_RUN": "true"},
    ],
    ids=str,
)
def test_what_a_row_explains_does_not_keep_the_examination_from_running(
    state_dir: Path, settings: Any
) -> None:
    examined = load_for_examination(environment(state_dir, POLYBOT__MODE="live", **settings))
    assert examined.problems
    assert examined.loaded.config.mode == "live"


def test_any_other_problem_is_a_config_error(state_dir: Path) -> None:
    with pytest.raises(ConfigError, match="max_open_orders"):
        load_for_examination(
            environment(state_dir, POLYBOT__MODE="live", POLYBOT__RISK__MAX_OPEN_ORDERS="0")
        )
