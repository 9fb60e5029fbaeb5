import asyncio
import gc
import logging
from collections.abc import Callable, Iterator

import pytest

from polybot.adapters.clock import SystemClock
from polybot.errors import ConfigError, DiskFull, FatalError, ProtocolError
from polybot.runtime.daemon import EXIT_CONFIG, EXIT_ERROR, EXIT_OK, Daemon, DaemonSettings
from tests.fakes import FakeNotifier

QUICK = DaemonSettings(
    tick_s=0.05, max_failures=4, first_backoff_s=0.001, last_backoff_s=0.002, stop_timeout_s=0.2
)


class ScriptedService:
    """A service whose turns are the functions a test gives it; after the last one it stops."""

    name = "scripted"

    def __init__(self, *turns: Callable[[], None], wish_s: float = 0.0) -> None:
        self.wake = asyncio.Event()
        self.turns = list(turns)
        self.wish_s = wish_s
        self.said = "working"
        self.events: list[str] = []
        self.daemon: Daemon | None = None

    async def start(self) -> None:
        self.events.append("start")

    def turn(self) -> None:
        self.events.append("turn")
        if self.turns:
            self.turns.pop(0)()
        elif self.daemon is not None:
            self.daemon.request_stop()

    def next_wake_s(self) -> float:
        return self.wish_s

    def status(self) -> str:
        return self.said

    async def stop(self) -> None:
        self.events.append("stop")


def failing(error: Exception) -> Callable[[], None]:
    def turn() -> None:
        raise error

    return turn


def nothing() -> None:
    pass


def later(delay_s: float, call: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(delay_s, call)


def daemon_of(
    service: ScriptedService,
    notifier: FakeNotifier | None = None,
    settings: DaemonSettings = QUICK,
    on_reload: Callable[[], None] | None = None,
) -> Daemon:
    made = Daemon(
        service,
        notifier or FakeNotifier(),
        clock=SystemClock(),
        settings=settings,
        on_reload=on_reload,
    )
    service.daemon = made
    return made


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """Undo what a daemon does to the garbage collector of its process."""
    yield
    gc.unfreeze()


async def test_a_life_is_start_turns_stop_and_the_manager_is_told_in_that_order() -> None:
    notifier = FakeNotifier(deadline_s=30)
    service = ScriptedService(nothing, nothing)
    assert await daemon_of(service, notifier).main() == EXIT_OK
    assert service.events == ["start", "turn", "turn", "turn", "stop"]
    assert notifier.heard[:3] == ["READY=1", "WATCHDOG=1", "STATUS=working"]
    assert notifier.heard[3:] == ["STOPPING=1", "EXTEND_TIMEOUT_USEC"]


async def test_an_error_raised_on_purpose_is_one_line_without_a_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service = ScriptedService(failing(DiskFull("cannot write x: No space left; free space")))
    with caplog.at_level(logging.INFO):
        assert await daemon_of(service).main() == EXIT_ERROR
    critical = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert [record.getMessage() for record in critical] == [
        "scripted failed: cannot write x: No space left; free space"
    ]
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(("error", "traced"), [(ProtocolError("bad"), False), (KeyError(1), True)])
async def test_a_failed_turn_shows_a_traceback_only_where_nobody_foresaw_it(
    caplog: pytest.LogCaptureFixture, error: Exception, traced: bool
) -> None:
    assert await daemon_of(ScriptedService(failing(error))).main() == EXIT_OK
    assert ("Traceback" in caplog.text) is traced


async def test_ready_is_said_only_when_the_service_has_started() -> None:
    notifier = FakeNotifier()
    service = ScriptedService()
    heard_at_start: list[str] = []

    async def start() -> None:
        await asyncio.sleep(0.01)
        heard_at_start.extend(notifier.heard)

    service.start = start
    await daemon_of(service, notifier).main()
    assert heard_at_start == []
    assert notifier.heard[0] == "READY=1"


async def test_a_stop_that_comes_while_starting_ends_the_start() -> None:
    notifier = FakeNotifier()
    service = ScriptedService()

    async def start() -> None:
        asyncio.get_running_loop().call_later(0.01, daemon.request_stop)
        await asyncio.sleep(60)

    service.start = start
    daemon = daemon_of(service, notifier)
    assert await daemon.main() == EXIT_OK
    assert service.events == ["stop"]
    assert "READY=1" not in notifier.heard


async def test_a_turn_follows_when_something_arrives_not_only_when_time_is_up() -> None:
    service = ScriptedService(wish_s=60)
    daemon = daemon_of(service, settings=DaemonSettings(tick_s=60))
    # The first turn comes at once, the second when the wake event is set.
    service.turns = [lambda: later(0.01, service.wake.set)]
    await asyncio.wait_for(daemon.main(), 5)
    assert service.events.count("turn") == 2


async def test_what_arrives_during_a_turn_gets_a_turn_of_its_own() -> None:
    service = ScriptedService(wish_s=60)
    service.turns = [service.wake.set]
    await asyncio.wait_for(daemon_of(service, settings=DaemonSettings(tick_s=60)).main(), 5)
    assert service.events.count("turn") == 2


async def test_a_busy_service_leaves_sockets_and_timers_their_turn() -> None:
    reached: list[str] = []
    service = ScriptedService()
    service.turns = [service.wake.set] * 50
    asyncio.get_running_loop().call_soon(lambda: reached.append(f"{len(service.turns)} left"))
    await daemon_of(service).main()
    assert reached != ["0 left"]
    assert len(reached) == 1


async def test_a_failing_turn_is_logged_with_its_stack_and_the_loop_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service = ScriptedService(failing(ProtocolError("odd frame")), failing(KeyError("x")), nothing)
    daemon = daemon_of(service)
    assert await daemon.main() == EXIT_OK
    assert daemon.failed_turns == 2
    assert daemon.turns == 2
    assert "turn failed (2 in a row, 2 in all)" in caplog.text
    assert "odd frame" in caplog.text
    assert "KeyError" in caplog.text


async def test_failures_must_follow_each_other_to_end_a_process() -> None:
    turns = [failing(KeyError("x")), failing(KeyError("x")), failing(KeyError("x")), nothing] * 3
    assert await daemon_of(ScriptedService(*turns)).main() == EXIT_OK


async def test_too_many_failures_in_a_row_end_the_process_after_a_stop(
    caplog: pytest.LogCaptureFixture,
) -> None:
    notifier = FakeNotifier(deadline_s=30)
    service = ScriptedService(*[failing(KeyError("x"))] * 10)
    assert await daemon_of(service, notifier).main() == EXIT_ERROR
    assert service.events == ["start", *["turn"] * 4, "stop"]
    assert "WATCHDOG=1" not in notifier.heard
    assert "STOPPING=1" in notifier.heard
    assert "4 failed in a row" in caplog.text


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FatalError("the disk refused a sync"), EXIT_ERROR),
        (DiskFull("no space"), EXIT_ERROR),
        (ConfigError(["trader.tick_s: expected 0.1 to 60, was 0"]), EXIT_CONFIG),
    ],
)
async def test_some_errors_end_the_process_at_once(
    error: Exception, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    service = ScriptedService(failing(error), nothing)
    assert await daemon_of(service).main() == code
    assert service.events == ["start", "turn", "stop"]
    assert str(error) in caplog.text


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError(["a: expected 1, was 2", "b: unknown key"]), EXIT_CONFIG),
        (DiskFull("no space"), EXIT_ERROR),
        (RuntimeError("a bug"), EXIT_ERROR),
    ],
)
async def test_a_start_that_fails_exits_with_its_code_and_was_never_ready(
    error: Exception, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = FakeNotifier()
    service = ScriptedService()

    async def start() -> None:
        raise error

    service.start = start
    assert await daemon_of(service, notifier).main() == code
    assert "READY=1" not in notifier.heard
    for line in str(error).splitlines():
        assert line in caplog.text


async def test_a_stop_that_fails_is_an_error_exit() -> None:
    service = ScriptedService()

    async def stop() -> None:
        raise RuntimeError("could not flush")

    service.stop = stop
    assert await daemon_of(service).main() == EXIT_ERROR


async def test_a_stop_that_hangs_is_given_up_after_its_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    notifier = FakeNotifier()
    service = ScriptedService()

    async def stop() -> None:
        await asyncio.sleep(60)

    service.stop = stop
    assert await asyncio.wait_for(daemon_of(service, notifier).main(), 5) == EXIT_ERROR
    assert "expected to stop within 0.2 s" in caplog.text
    assert "EXTEND_TIMEOUT_USEC" in notifier.heard


async def test_pings_come_three_times_in_a_deadline_not_with_every_turn() -> None:
    notifier = FakeNotifier(deadline_s=0.3)
    service = ScriptedService(*[nothing] * 70, wish_s=0.005)
    started = SystemClock().monotonic_ns()
    await daemon_of(service, notifier).main()
    elapsed_s = (SystemClock().monotonic_ns() - started) / 1e9
    pings = notifier.heard.count("WATCHDOG=1")
    assert 2 <= pings <= elapsed_s / 0.1 + 1


async def test_a_service_that_sleeps_long_still_pings_in_time() -> None:
    notifier = FakeNotifier(deadline_s=0.06)
    service = ScriptedService(*[nothing] * 4, wish_s=60)
    started = SystemClock().monotonic_ns()
    await asyncio.wait_for(
        daemon_of(service, notifier, settings=DaemonSettings(tick_s=60)).main(), 5
    )
    assert notifier.heard.count("WATCHDOG=1") >= 4
    assert SystemClock().monotonic_ns() - started >= 4 * 0.02 * 1e9


async def test_a_status_is_sent_when_it_changed_and_once_a_second_at_most() -> None:
    notifier = FakeNotifier()
    service = ScriptedService()

    def says(text: str) -> Callable[[], None]:
        def turn() -> None:
            service.said = text

        return turn

    service.turns = [says("a"), says("b"), says("c"), says("d")]
    await daemon_of(service, notifier).main()
    assert [said for said in notifier.heard if said.startswith("STATUS")] == ["STATUS=a"]


async def test_a_reload_happens_before_the_next_turn(caplog: pytest.LogCaptureFixture) -> None:
    service = ScriptedService()
    daemon = daemon_of(service, on_reload=lambda: service.events.append("reload"))
    service.turns = [daemon.request_reload]
    await daemon.main()
    assert service.events == ["start", "turn", "reload", "turn", "stop"]
    caplog.set_level(logging.INFO)
    plain = ScriptedService()
    without = daemon_of(plain)
    plain.turns = [without.request_reload]
    assert await without.main() == EXIT_OK
    assert "at start only" in caplog.text


async def test_a_failure_outside_a_turn_is_logged_and_the_loop_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service = ScriptedService()

    def schedule() -> None:
        asyncio.get_running_loop().call_soon(failing(KeyError("callback")))

    service.turns = [schedule, nothing]
    assert await daemon_of(service).main() == EXIT_OK
    assert "KeyError: 'callback'" in caplog.text


async def test_what_a_start_left_behind_is_frozen() -> None:
    frozen: list[int] = []
    service = ScriptedService(lambda: frozen.append(gc.get_freeze_count()))
    gc.unfreeze()
    gc.disable()
    await daemon_of(service).main()
    assert frozen[0] > 1000
    assert gc.isenabled(), "expected collections again once it has started"
