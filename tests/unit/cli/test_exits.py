"""Tests of how errors become exit codes and lines."""

import pytest

from polybot.cli.exits import (
    CommandError,
    Exit,
    Late,
    NotRunning,
    Refused,
    Unknown,
    exit_code_of,
    message_of,
)
from polybot.errors import BusError, ConfigError, NotFound, PolybotError, StorageError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CommandError("x"), Exit.ERROR),
        (Unknown("x"), Exit.NOT_FOUND),
        (NotRunning("x"), Exit.NOT_RUNNING),
        (Late("x"), Exit.TIMEOUT),
        (Refused("x"), Exit.REFUSED),
        (ConfigError(["x"]), Exit.CONFIG),
        (NotFound("x"), Exit.NOT_FOUND),
        (BusError("x"), Exit.NOT_RUNNING),
        (StorageError("x"), Exit.ERROR),
    ],
)
def test_each_kind_of_error_has_its_code(error: PolybotError, code: Exit) -> None:
    assert exit_code_of(error) == code


def test_the_codes_are_those_scripts_rely_on() -> None:
    assert [int(code) for code in Exit] == [0, 1, 2, 3, 4, 5, 6, 78]


def test_a_configuration_error_prints_one_line_per_problem() -> None:
    text = message_of(ConfigError(["a: expected b", "c: expected d"]))
    assert text.splitlines() == [
        "polybot: 2 problems in the configuration",
        "a: expected b",
        "c: expected d",
    ]


def test_another_error_prints_one_line() -> None:
    assert message_of(Unknown("expected a, was b")) == "polybot: expected a, was b"
