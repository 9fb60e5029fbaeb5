"""Stands in for the watchdog: beats on the bus, and says stop and resume for an operator."""

import threading
import time
from pathlib import Path
from typing import Final

from polybot.adapters.zmq_bus.endpoints import open_context
from polybot.adapters.zmq_bus.publisher import BusPublisher
from polybot.adapters.zmq_bus.rpc_client import RpcClient
from polybot.cli.conversation import OPERATOR, Conversation
from polybot.cli.exits import CommandError
from polybot.messages.codec import encode, encode_body
from polybot.messages.commands import ResumeTrading, StopEntries
from polybot.messages.envelope import Envelope
from polybot.messages.lifecycle import Heartbeat
from polybot.messages.topics import topic_of

BEAT_S: Final = 1.0
ANSWER_S: Final = 3.0
WHY: Final = "a stop that a restart must keep"


class Watchman:
    """Keeps the trader from reducing because nobody watches; a thread of its own beats."""

    def __init__(self, runtime_dir: Path) -> None:
        self._context = open_context()
        self._publisher = BusPublisher(self._context, runtime_dir, "watchdog")
        self._commands = Conversation(RpcClient(self._context, runtime_dir))
        self._over = threading.Event()
        self._beats = 0
        self._thread = threading.Thread(target=self._run, name="watchman", daemon=True)
        self._thread.start()

    def stop_entries(self) -> bool:
        """Let the operator stop entries; False when the trader did not answer."""
        return self._tell(StopEntries(source=OPERATOR, reason=WHY))

    def resume(self) -> bool:
        """Let the operator's stop end; False when the trader did not answer."""
        return self._tell(ResumeTrading(source=OPERATOR, reason=WHY))

    def close(self) -> None:
        """Stop beating."""
        self._over.set()
        self._thread.join(timeout=5)
        self._publisher.close()
        self._context.destroy(linger=0)

    def _tell(self, command: StopEntries | ResumeTrading) -> bool:
        try:
            self._commands.ask("trader", command, timeout_s=ANSWER_S)
        except CommandError:
            return False
        return True

    def _run(self) -> None:
        while not self._over.wait(BEAT_S):
            self._beats += 1
            beat = Heartbeat(
                process="watchdog", pid=1, last_seq=0, turns=self._beats, progress=0, status="up"
            )
            now_ns = time.time_ns()
            envelope = Envelope(
                type="Heartbeat",
                source="watchdog",
                session="watchman",
                seq=self._beats,
                durable=False,
                ts_event=now_ns,
                ts_init=now_ns,
                body=encode_body(beat),
            )
            self._publisher.send(topic_of("Heartbeat", durable=False), encode(envelope))
