"""Every secret has one name, one variable and the units that need it."""

import re
from pathlib import Path

from polybot.config.keys import all_keys
from polybot.config.secret_keys import secret_names

ROOT = Path(__file__).resolve().parents[3]


def test_every_secret_of_the_schema_can_be_kept() -> None:
    kept = {secret.key for secret in secret_names().values()}
    assert {key.path for key in all_keys().values() if key.secret} <= kept


def test_a_name_is_the_variable_a_unit_reads_it_by() -> None:
    for name, secret in secret_names().items():
        assert (secret.name, secret.variable) == (name, name.upper())
        assert secret.variable in all_keys()[secret.key].environment_names


def test_only_the_trader_gets_the_private_key() -> None:
    assert secret_names()["polymarket_private_key"].units == ("polybot-trader",)
    traders = [name for name, secret in secret_names().items() if "polybot-trader" in secret.units]
    assert traders == ["polymarket_private_key"]


def test_the_units_name_exactly_the_credentials_that_are_kept_for_them() -> None:
    named: dict[str, set[str]] = {}
    for path in (ROOT / "systemd").glob("polybot-*.service"):
        names = re.findall(r"^LoadCredentialEncrypted=(\w+):", path.read_text(), re.MULTILINE)
        if names:
            named[path.stem] = set(names)
    wanted: dict[str, set[str]] = {}
    for name, secret in secret_names().items():
        for unit in secret.units:
            wanted.setdefault(unit, set()).add(name)
    # Until the units are here, there is nothing to compare.
    assert not named or named == wanted
