"""Tests of the list of configuration keys."""

from decimal import Decimal

import pytest

from polybot.config.keys import (
    Kind,
    all_keys,
    key_at,
    override_name,
    path_of_override,
    sections,
)


def test_a_key_knows_its_kind_range_default_and_older_names() -> None:
    key = all_keys()["risk.max_daily_loss_usdc"]
    assert key.kind is Kind.AMOUNT
    assert key.default == Decimal(100)
    assert key.environment_names == ("MAX_DAILY_LOSS",)
    assert key.expected() == "an exact number between 1 and 1000000"


def test_a_key_of_few_words_expects_one_of_them() -> None:
    assert all_keys()["mode"].expected() == "one of synthetic, replay, paper, live"


def test_secrets_are_known_as_such() -> None:
    assert {path for path, key in all_keys().items() if key.secret} == {
        "wallet.private_key",
        "extras.relayer_key",
        "reflector.openai_api_key",
        "alerts.telegram_bot_token",
        "alerts.slack_webhook_url",
        "alerts.discord_webhook_url",
    }


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("mode", "mode"),
        ("risk.pause_s", "risk.pause_s"),
        ("agents.3.capital_usdc", "agents.*.capital_usdc"),
        ("agents.0.parameters.min_confidence", "agents.*.parameters.*"),
    ],
)
def test_a_concrete_path_finds_its_key(path: str, pattern: str) -> None:
    key = key_at(path)
    assert key is not None
    assert key.path == pattern


@pytest.mark.parametrize(
    "path", ["agents", "agents.x.name", "agents.0", "agents.0.parameters", "risk", "risk.pause_s.x"]
)
def test_other_paths_find_none(path: str) -> None:
    assert key_at(path) is None


@pytest.mark.parametrize("path", ["mode", "risk.pause_s", "agents.0.parameters.min_confidence"])
def test_an_overrides_name_leads_back_to_its_path(path: str) -> None:
    assert path_of_override(override_name(path)) == path


def test_agents_are_no_section_of_their_own() -> None:
    assert "risk" in sections()
    assert "agents" not in sections()
