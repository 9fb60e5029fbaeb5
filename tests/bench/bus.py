"""One message from process to process, typed at both ends, beside a raw unix socket."""

import asyncio
import multiprocessing
import os
import socket
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

from polybot.adapters.clock import SystemClock
from polybot.adapters.zmq_bus.endpoints import open_context
from polybot.adapters.zmq_bus.publisher import BusPublisher
from polybot.adapters.zmq_bus.subscriber import BusSubscriber
from polybot.messages.codec import decode_body, decode_envelope
from polybot.messages.lifecycle import Heartbeat
from polybot.messages.topics import VOLATILE
from polybot.runtime.outbox import JournaledOutbox, Sender
from tests.bench.harness import Budget, Row, interleave, microseconds

NAME = "trader"
MESSAGES = 60
# Apart enough that no message waits for the one before.
PACE_S = 0.0008
TIMEOUT_S = 30.0
LARGEST = 65_536
STATUS = "ACTIVE; btc-updown-5m-1787236800; 1 orders open, book 0.1 s old"


class NoJournal:
    """What an outbox asks of a journal while it only says volatile things."""

    last_seq = 41

    def append(self, payload: bytes) -> int:
        raise AssertionError("nothing durable is said here")

    def sync(self) -> None:
        raise AssertionError("nothing durable is said here")


class RawSender:
    """The bus's place taken by a connected unix socket that keeps message boundaries."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        while self._socket.connect_ex(os.fspath(path)):
            time.sleep(0.01)

    def send(self, topic: bytes, payload: bytes) -> None:
        self._socket.send(payload)

    def close(self) -> None:
        self._socket.close()


class BusSender(BusPublisher):
    """The bus's publisher with a context of its own."""

    def __init__(self, directory: Path) -> None:
        super().__init__(open_context(), directory, NAME)


class Tally:
    """What a receiver knows: which message comes next, and how long each was on its way."""

    def __init__(self, answers: Connection) -> None:
        self._answers = answers
        self._met = False
        self._expected = 1
        self._taken: list[int] = []

    def take(self, payload: bytes) -> None:
        """Decode a message, check that it is the next one, and answer after the last of a burst."""
        envelope = decode_envelope(payload)
        body = decode_body(envelope.type, envelope.body)
        now = time.perf_counter_ns()
        if body.progress == 0:
            if not self._met:
                self._answers.send([0])
            self._met = True
            return
        assert (body.progress, body.status) == (self._expected, STATUS), f"was {body}"
        self._expected += 1
        self._taken.append(now - body.market_ns)
        if len(self._taken) == MESSAGES:
            self._answers.send(self._taken)
            self._taken = []


def receive_bus(answers: Connection, directory: Path) -> None:
    """Receive in an event loop, as every service does."""
    asyncio.run(_receive_bus(Tally(answers), directory))


async def _receive_bus(tally: Tally, directory: Path) -> None:
    subscriber = BusSubscriber(open_context(), directory, [NAME], [VOLATILE])
    wake = asyncio.Event()
    subscriber.attach(asyncio.get_running_loop(), wake)
    while True:
        await wake.wait()
        wake.clear()
        for payload in subscriber.take():
            tally.take(payload)


def receive_raw(answers: Connection, path: Path) -> None:
    """Receive by a blocking call: the shortest way there is."""
    tally = Tally(answers)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.bind(os.fspath(path))
        server.listen()
        connection, _ = server.accept()
        while payload := connection.recv(LARGEST):
            tally.take(payload)


class Way:
    """A sender here and a receiver in another process."""

    def __init__(
        self,
        receiver: Callable[[Connection, Path], None],
        sender: Callable[[Path], BusSender | RawSender],
        path: Path,
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._answers, far_end = context.Pipe()
        self._process = context.Process(target=receiver, args=(far_end, path), daemon=True)
        self._process.start()
        far_end.close()
        self._sender = sender(path)
        self._outbox = _outbox(self._sender)
        self._number = 0
        self._meet()

    def burst(self) -> int:
        """Send a burst of messages, paced, and return their median way in nanoseconds."""
        for _ in range(MESSAGES):
            self._number += 1
            time.sleep(PACE_S)
            self._say(self._number)
        return int(median(self._answer()))

    def close(self) -> None:
        """End the receiver and close the sender."""
        self._process.kill()
        self._process.join()
        self._sender.close()

    def _say(self, number: int) -> None:
        # The way begins before the message is made: making and encoding it is part of the price.
        begin = time.perf_counter_ns()
        self._outbox.say(
            Heartbeat(
                process=NAME,
                pid=4711,
                last_seq=41,
                turns=number,
                progress=number,
                status=STATUS,
                trading_state="ACTIVE",
                ages_s={"market": 0.1, "reference": 0.4},
                market_ns=begin,
            )
        )

    def _meet(self) -> None:
        # A subscriber hears only what is said after it has connected.
        for _ in range(1000):
            self._say(0)
            if self._answers.poll(0.02):
                self._answer()
                return
        raise AssertionError("the receiver never heard anything")

    def _answer(self) -> list[int]:
        assert self._answers.poll(TIMEOUT_S), "a message was lost, or its receiver died"
        taken: list[int] = self._answers.recv()
        return taken


def _outbox(sender: Sender) -> JournaledOutbox:
    return JournaledOutbox(
        NAME, "0192f0c1", journal=NoJournal(), sender=sender, clock=SystemClock()
    )


def measure(rounds: int) -> list[Row]:
    """Return the row; both ways are open at once and used in turns."""
    with tempfile.TemporaryDirectory(prefix="pb-") as name:
        bus = Way(receive_bus, BusSender, Path(name))
        raw = Way(receive_raw, RawSender, Path(name, "raw"))
        taken = interleave({"ours": bus.burst, "raw": raw.burst}, rounds=rounds, burst=1)
        bus.close()
        raw.close()
    return [
        Row(
            name="bus one way vs raw unix socket, p50",
            unit="us",
            ours=microseconds(taken.median_ns("ours")),
            peer=microseconds(taken.median_ns("raw")),
            ratio=taken.ratio("ours", "raw"),
            budget=Budget(6),
            beside="both ways make, encode and decode the same message",
        )
    ]
