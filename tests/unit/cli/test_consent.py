"""Nothing that cannot be taken back is done without a person's word."""

import pytest
import typer

from polybot.cli.consent import ask_first
from polybot.cli.exits import Exit, Refused, exit_code_of


class Terminal:
    """A standard input that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_who_said_yes_beforehand_is_not_asked() -> None:
    ask_first("Really?", yes=True)


def test_where_nobody_can_be_asked_the_answer_is_no() -> None:
    with pytest.raises(Refused, match="expected --yes") as caught:
        ask_first("Really?", yes=False)
    assert exit_code_of(caught.value) is Exit.REFUSED


@pytest.mark.parametrize("agrees", [True, False])
def test_at_a_terminal_the_person_decides(monkeypatch: pytest.MonkeyPatch, agrees: bool) -> None:
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(typer, "confirm", lambda _, err: agrees)
    if agrees:
        ask_first("Really?", yes=False)
        return
    with pytest.raises(Refused, match="nothing was done"):
        ask_first("Really?", yes=False)
