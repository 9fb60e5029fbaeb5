from polybot.services.tracker.needs import NullAuditRunner


def test_auditing_nothing_never_has_a_result() -> None:
    runner = NullAuditRunner()
    runner.start()

    assert not runner.running()
    assert runner.take() is None
    runner.stop()
