"""The live extras are off until a person turns them on, and their key is a secret."""

from polybot.config.extras import ExtrasConfig
from polybot.config.keys import all_keys


def test_they_are_off_by_default() -> None:
    assert ExtrasConfig().enabled is False


def test_the_relayer_key_is_a_secret_with_its_usual_name() -> None:
    key = all_keys()["extras.relayer_key"]
    assert key.secret
    assert "POLYMARKET_RELAYER_API_KEY" in key.environment_names
