"""Tests that the sample files say what the schema says, and change nothing."""

import tomllib
from pathlib import Path

import pytest

from polybot.config.environment import read_dotenv
from polybot.config.keys import Kind, all_keys, override_name
from polybot.config.load import load
from polybot.config.locations import Installation, find_installation
from polybot.config.sample import sample_env, sample_toml, toml_value

CONFIG = find_installation().root / "config"


@pytest.mark.parametrize(
    ("name", "generated", "output"),
    [("polybot.toml", sample_toml, "toml"), ("polybot.env.example", sample_env, "env")],
)
def test_a_sample_file_is_what_the_schema_makes_of_it(
    name: str, generated: object, output: str
) -> None:
    assert callable(generated)
    assert (CONFIG / name).read_text() == generated(), (
        f"run: polybot config schema --format {output} > config/{name}"
    )


def test_the_sample_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "config" / "polybot.toml"
    path.parent.mkdir()
    nowhere = Installation(tmp_path, is_clone=True)
    plain = load({}, installation=nowhere)
    path.write_text(sample_toml())
    assert load({}, installation=nowhere).hash == plain.hash


def test_the_sample_with_every_line_in_force_is_the_defaults(tmp_path: Path) -> None:
    lines = sample_toml().splitlines()
    assignments = [
        line.removeprefix("# ")
        for line in lines
        if line.startswith("[") or (" = " in line and "key =" not in line)
    ]
    document = tomllib.loads("\n".join(assignments))
    assert document["risk"]["max_order_usdc"] == 50
    path = tmp_path / "config" / "polybot.toml"
    path.parent.mkdir()
    nowhere = Installation(tmp_path, is_clone=True)
    plain = load({}, installation=nowhere)
    path.write_text("\n".join(assignments))
    assert load({}, installation=nowhere).hash == plain.hash


def test_the_sample_explains_every_key() -> None:
    text = " ".join(line.removeprefix("# ") for line in sample_toml().splitlines())
    for key in all_keys().values():
        if key.kind is not Kind.ANY:
            assert f"{key.name} = " in text
            assert key.doc[1:] in text


def test_the_environment_sample_lists_every_name() -> None:
    text = sample_env()
    for key in all_keys().values():
        for name in key.environment_names:
            assert f"# {name}=" in text
        if key.kind is not Kind.ANY:
            assert f"# {override_name(key.path.replace('*', '0'))}=" in text


def test_the_environment_sample_sets_nothing_until_it_is_edited(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(sample_env())
    assert read_dotenv(path) == {}


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (1.5, "1.5"), ('a"b', '"a\\"b"'), (("a", "b"), '["a", "b"]'), ((), "[]")],
)
def test_a_default_is_written_as_toml(value: object, text: str) -> None:
    assert toml_value(value) == text
