import sys
import threading
import time

from polybot.adapters.audit_child import ChildAuditRunner
from polybot.domain.audit import AuditResult

GOOD = '{"differences": ["cash"], "orders": 3, "fills": 2, "windows": 1}'


def run(program: str, timeout_s: float = 20.0) -> AuditResult:
    """Run an audit by a program and return its result."""
    woken = threading.Event()
    runner = ChildAuditRunner((sys.executable, "-c", program), timeout_s=timeout_s, wake=woken.set)
    runner.start()
    assert woken.wait(timeout_s + 10)
    result = runner.take()
    assert result is not None
    assert runner.take() is None
    return result


def test_the_childs_result_is_taken_once() -> None:
    assert run(f"print('{GOOD}')") == AuditResult(("cash",), orders=3, fills=2, windows=1)


def test_a_complete_audit_goes_without_the_limit() -> None:
    program = "import sys; sys.exit(' '.join(sys.argv[1:]) or 'no limit')"
    woken = threading.Event()
    runner = ChildAuditRunner((sys.executable, "-c", program, "300"), timeout_s=20, wake=woken.set)
    said = []
    for complete in (False, True):
        woken.clear()
        runner.start(complete=complete)
        assert woken.wait(20)
        result = runner.take()
        assert result is not None
        said.append(result.error)

    assert [error.rpartition(": ")[2] for error in said] == ["300", "no limit"]


def test_a_child_that_fails_says_its_last_line() -> None:
    result = run("import sys; sys.exit('first\\nexpected a config, was none')")

    assert result.error == "the audit ended with 1: expected a config, was none"


def test_a_child_that_says_nothing_fails_too() -> None:
    assert run("pass").error == "the audit ended with 0: nothing"


def test_a_child_that_hangs_is_ended() -> None:
    result = run("import time; time.sleep(60)", timeout_s=0.5)

    assert "within 0.5 s" in result.error


def test_a_command_that_is_not_there_is_an_error() -> None:
    woken = threading.Event()
    runner = ChildAuditRunner(("/nowhere/polybot",), timeout_s=5, wake=woken.set)
    runner.start()
    assert woken.wait(10)

    result = runner.take()

    assert result is not None
    assert "could not be started" in result.error


def test_one_at_a_time_and_none_after_the_stop() -> None:
    runner = ChildAuditRunner(
        (sys.executable, "-c", "import time; time.sleep(60)"), timeout_s=60, wake=lambda: None
    )
    runner.start()
    runner.start()
    assert runner.running()
    began = time.monotonic()

    runner.stop()

    assert time.monotonic() - began < 10
    assert not runner.running()
    assert runner.take() is None
    runner.start()
    assert not runner.running()
