"""Tests of the tree of errors."""

import inspect
import re

import pytest

from polybot import errors

CLASSES = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, Exception)
]


def drawn_parents() -> dict[str, str | None]:
    """Read the tree of the module's docstring: each error with the one it hangs from."""
    branch: list[str] = []
    parents: dict[str, str | None] = {}
    for line in (errors.__doc__ or "").splitlines():
        drawn = re.match(r"^([│├└─ ]*)([A-Z][A-Za-z]+)(?:\s{2,}|$)", line)
        if drawn:
            depth = len(drawn[1]) // 4
            parents[drawn[2]] = branch[depth - 1] if depth else None
            branch[depth:] = [drawn[2]]
    return parents


def test_the_docstring_draws_the_tree_as_it_is() -> None:
    real = {error.__name__: error.__bases__[0].__name__ for error in CLASSES}
    real_root = real.pop("PolybotError")
    drawn = drawn_parents()
    assert drawn.pop("PolybotError") is None
    assert real_root == "Exception"
    assert drawn == real


def test_a_config_error_names_every_problem_on_a_line_of_its_own() -> None:
    error = errors.ConfigError(["first", "second"])
    assert error.problems == ["first", "second"]
    assert str(error) == "first\nsecond"


def test_an_exchange_error_keeps_the_status_and_code_it_was_answered_with() -> None:
    error = errors.Rejected("expected a price on the tick", status=400, code="tick_size")
    assert (error.status, error.code) == (400, "tick_size")
    assert errors.OutcomeUnknown("timed out").status is None


def test_a_rate_limit_keeps_the_wait_the_exchange_asked_for() -> None:
    error = errors.RateLimited("too many requests", retry_after_s=2.5)
    assert (error.status, error.retry_after_s) == (429, 2.5)


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_is_caught_as_a_polybot_error(error: type[Exception]) -> None:
    assert issubclass(error, errors.PolybotError)
