"""A worker in a process of its own, and what it reports through a queue."""

import multiprocessing
import signal
import time
from multiprocessing.process import BaseProcess
from typing import Any, Final

from tests.prove.controls import Control, scenarios_of
from tests.prove.worker import Report, Worker

END_S: Final = 15.0
_SPAWN: Final = multiprocessing.get_context("spawn")


class Running:
    """A worker in a process of its own, and what it reports."""

    def __init__(self, process: BaseProcess, queue: Any) -> None:
        self._process = process
        self._queue = queue
        self.is_running = True

    @classmethod
    def of(cls, worker: Worker) -> "Running":
        """Start a worker."""
        queue = _SPAWN.Queue()
        process = _SPAWN.Process(target=_work, args=(worker, queue))
        process.start()
        return cls(process, queue)

    @classmethod
    def of_control(cls, control: Control, seed: int, end_s: float) -> "Running":
        """Start a worker whose trader is broken; the first finding is enough."""
        worker = Worker(
            number=0,
            seed=seed,
            todo=scenarios_of(control, seed),
            end_s=end_s,
            say=nobody,
            modules=control.modules,
            stops_at_a_finding=True,
        )
        return cls.of(worker)

    def reports(self, seconds: float) -> list[Report]:
        """Return what came within a while; the end of the worker ends it."""
        found: list[Report] = []
        end = time.monotonic() + seconds
        while self.is_running and time.monotonic() < end:
            if self._queue.empty():
                if not self._process.is_alive() and self._queue.empty():
                    self.is_running = False
                    if self._process.exitcode:
                        raise SystemExit(f"a worker ended with {self._process.exitcode}")
                time.sleep(0.02)
                continue
            report = self._queue.get()
            if report is None:
                self._process.join()
                self.is_running = False
            else:
                found.append(report)
        return found

    def end(self) -> None:
        """Make the worker end, and wait until it has cleaned up."""
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(timeout=END_S)
        self.is_running = False

    def all_reports(self) -> list[Report]:
        """Wait for the end and return everything."""
        found: list[Report] = []
        while self.is_running:
            found += self.reports(1.0)
        return found


def end_when_asked() -> None:
    """Let SIGTERM end this process by way of its clean-up."""

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)


def nobody(report: Report) -> None:
    """Stand in for the queue until a worker has one."""
    raise AssertionError(f"nobody hears {report}")


def _work(worker: Worker, queue: Any) -> None:
    end_when_asked()
    worker.say = queue.put
    worker.run()
    queue.put(None)
