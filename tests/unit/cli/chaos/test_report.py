import pytest

from polybot.cli.chaos.report import Check, Played, Report, Struck, as_document, say_report

FINE = Struck(what="trader killed", recovered_s=4.2)
SLOW = Struck(what="all killed", recovered_s=9.0)
LOST = Struck(what="tracker killed", recovered_s=None, problem="not well after 120 s: not alive")
HELD = Check(name="books equal", ok=True, detail="equal")
BROKEN = Check(name="posted once", ok=False, detail="posted 2 times: order 0xa")


def report(*played: Played, checks: tuple[Check, ...] = (HELD,), **others: object) -> Report:
    return Report(seed=7, minutes=1.0, played=played, checks=checks, **others)  # type: ignore[arg-type]


def test_a_run_passes_when_all_that_was_played_and_checked_is_well() -> None:
    assert report(Played(scenario="kill", struck=(FINE, SLOW))).passed
    assert report(
        Played(scenario="kill", struck=(FINE,)), Played(scenario="disk-full", skipped="no root")
    ).passed


@pytest.mark.parametrize(
    "failed",
    [
        report(Played(scenario="kill", struck=(FINE, LOST))),
        report(Played(scenario="kill", struck=(FINE,)), checks=(HELD, BROKEN)),
        report(Played(scenario="kill", struck=(FINE,)), checks=()),
        report(Played(scenario="kill", struck=(FINE,), cut=True)),
        report(Played(scenario="kill", struck=())),
        report(Played(scenario="disk-full", skipped="no root")),
        report(Played(scenario="kill", struck=(FINE,)), interrupted=True),
        report(Played(scenario="kill", struck=(FINE,)), error="the floor did not start"),
    ],
)
def test_nothing_else_is_a_pass(failed: Report) -> None:
    assert not failed.passed


def test_the_table_fits_80_columns_and_the_total_names_what_was_skipped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say_report(
        report(
            Played(scenario="kill", struck=(FINE, SLOW)),
            Played(scenario="exchange-down", struck=(FINE,) * 100),
            Played(scenario="disk-full", skipped="not permitted"),
        )
    )
    told = capsys.readouterr().out
    lines = told.splitlines()
    assert max(map(len, lines)) <= 80
    kill = next(line for line in lines if line.startswith("kill"))
    assert kill.split() == ["kill", "2", "2", "6.6", "s", "9.0", "s", "PASS"]
    assert "disk-full skipped: not permitted" in told
    assert lines[-3:] == [
        "chaos: PASS (seed 7)",
        "  2 of 3 scenarios passed, 1 skipped (disk-full)",
        "  1 of 1 check held",
    ]


def test_a_phone_is_told_each_row_in_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    say_report(report(Played(scenario="exchange-down", struck=(FINE, SLOW))))
    told = capsys.readouterr().out.partition("books equal:")[0]
    assert max(map(len, told.splitlines())) <= 40
    assert "result PASS" in told.replace("\n  ", " ")


def test_what_went_wrong_is_told_in_its_own_words(capsys: pytest.CaptureFixture[str]) -> None:
    say_report(report(Played(scenario="kill", struck=(LOST,)), checks=(BROKEN,), kept="/var/kept"))
    told = capsys.readouterr().out
    assert "kill (tracker killed): not well after 120 s: not alive" in told
    assert "posted once: posted 2 times: order 0xa" in told
    assert "kept: /var/kept" in told
    assert "chaos: FAIL" in told
    assert "0 of 1 scenario passed\n  0 of 1 check held" in told


def test_an_interrupted_run_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    say_report(report(Played(scenario="kill", cut=True), checks=(), interrupted=True))
    told = capsys.readouterr().out
    assert "chaos: INTERRUPTED (seed 7)\n  0 of 1 scenario passed\n  nothing was checked" in told


def test_as_json_every_strike_is_there() -> None:
    told = as_document(report(Played(scenario="kill", struck=(FINE, LOST)), checks=(HELD, BROKEN)))
    assert told["passed"] is False
    (kill,) = told["scenarios"]
    assert (kill["scenario"], kill["result"]) == ("kill", "fail")
    assert (kill["slowest_s"], kill["median_s"]) == (4.2, 4.2)
    assert [each["recovered_s"] for each in kill["strikes"]] == [4.2, None]
    assert [each["ok"] for each in told["checks"]] == [True, False]
