"""The units of an installed floor, seen and stopped through systemctl."""

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator

import msgspec

from polybot.errors import PolybotError

TARGET = "polybot.target"
# The target alone would return before its services are down; timers stay as they are.
SERVICES = "polybot-*.service"

_AT_REST = ("inactive", "failed")
_POLL_S = 0.1
_ANSWER_S = 30.0


class Unit(msgspec.Struct, frozen=True):
    """A loaded service of the floor; `state` is systemd's ActiveState, `pid` 0 without one."""

    name: str
    state: str
    pid: int

    @property
    def process(self) -> str:
        """The process it keeps, such as trader."""
        return self.name.removeprefix("polybot-").removesuffix(".service")

    @property
    def is_down(self) -> bool:
        """Whether nothing of it runs, or is about to."""
        return self.state in _AT_REST and not self.pid


class PatienceOver(PolybotError):
    """Services did not end in the time they were given; systemd goes on with it."""


class ServiceUnits:
    """Asks systemd about the floor's services; reading needs no privilege, stopping needs root."""

    def __init__(self, program: str = "systemctl") -> None:
        self._program = program

    def units(self) -> list[Unit]:
        """Return the loaded services of the floor; raises PolybotError when systemd cannot say."""
        command = [self._program, "show", "--property=Id,ActiveState,MainPID", SERVICES]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_ANSWER_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _silent(error) from error
        if done.returncode:
            raise _silent(done.stderr.strip() or f"exit code {done.returncode}")
        return [_unit(block) for block in done.stdout.split("\n\n") if block.strip()]

    def running(self) -> list[Unit]:
        """Return the services that are not down."""
        return [unit for unit in self.units() if not unit.is_down]

    def stop(self, *, patience_s: float, told: Callable[[float], None]) -> None:
        """Stop target and services, and wait until systemd says that they are down.

        `told` hears now and then how many seconds that takes already. Raises PolybotError when
        systemd refuses, PatienceOver when patience is over: systemd goes on with it then.
        """
        began = time.monotonic()
        with _started([self._program, "stop", TARGET, SERVICES]) as stopping:
            while stopping.poll() is None:
                took_s = time.monotonic() - began
                if took_s > patience_s:
                    raise PatienceOver(
                        f"expected the services to end within {patience_s:.0f} s, some did not; "
                        f"look: systemctl status '{SERVICES}'"
                    )
                told(took_s)
                time.sleep(_POLL_S)
            if stopping.returncode:
                words = stopping.stderr.read().strip() if stopping.stderr else ""
                raise PolybotError(
                    f"systemctl could not stop the floor: {words or stopping.returncode}"
                )


@contextlib.contextmanager
def _started(command: list[str]) -> Iterator["subprocess.Popen[str]"]:
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
    except OSError as error:
        raise _silent(error) from error
    try:
        yield process
    finally:
        # systemctl only waits for the job: ending it stops no stop.
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stderr is not None:
            process.stderr.close()


def _silent(why: object) -> PolybotError:
    return PolybotError(f"expected systemd to tell about {SERVICES}, did not: {why}")


def _unit(block: str) -> Unit:
    told = dict(line.partition("=")[::2] for line in block.splitlines())
    return Unit(
        name=told.get("Id", ""),
        state=told.get("ActiveState", ""),
        pid=int(told.get("MainPID") or 0),
    )
