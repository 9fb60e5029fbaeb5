"""Tests of `polybot audit`: how its result is shown."""

import pytest

from polybot.cli.audit import _say, as_document
from polybot.domain.audit import AuditPoint, AuditResult
from tests.unit.cli.conftest import Command

AGREES = AuditResult((), 3, 4, 2, notes=("$5 booked as external: a gift",))
DIFFERS = AuditResult(("cash: expected $1, was $2",), 3, 4, 2)
FAILED = AuditResult((), 0, 0, 0, error="reading trades: timeout")


@pytest.mark.parametrize(
    ("result", "agrees", "error"),
    [(AGREES, True, None), (DIFFERS, False, None), (FAILED, False, "reading trades: timeout")],
)
def test_the_document_has_the_documented_fields(
    result: AuditResult, agrees: bool, error: str | None
) -> None:
    document = as_document(result)
    assert list(document)[:5] == ["agrees", "differences", "orders", "fills", "windows"]
    assert document["agrees"] is agrees
    assert document["differences"] == list(result.differences)
    assert document["error"] == error


def test_without_a_floor_it_says_so_with_its_code(polybot: Command) -> None:
    assert "no floor runs here; start it: polybot up" in polybot("audit", code=3).stderr


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (
            AuditResult((), 3, 4, 2, compared=1, through=AuditPoint(seq=9, at_ns=0)),
            "(1 order read one by one, the others had not changed since an audit agreed;",
        ),
        (
            AuditResult((), 3, 4, 2, compared=1, through=AuditPoint(seq=9, at_ns=0, since_seq=4)),
            "never compared: orders before event 5 of the trader",
        ),
    ],
)
def test_it_says_what_was_read_one_by_one(
    result: AuditResult, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _say(result)

    assert said in " ".join(capsys.readouterr().out.split())


def test_an_audit_that_read_everything_says_no_more_than_that(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _say(AuditResult((), 3, 4, 2, compared=3))

    assert capsys.readouterr().out.rstrip().endswith("positions and cash, to the micro-unit")
