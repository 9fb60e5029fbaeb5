"""Each of the seven packages polybot is built on, seen at work in the process it belongs to."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import xmlrpc.client
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from supervisor.xmlrpc import SupervisorTransport

from polybot.bootstrap.audit import newest_seqs
from tests.http_stub import Answer, StubRequest, StubServer
from tests.integration.floor import Floor

pytestmark = pytest.mark.floor

TOML = """
[reflector]
analyst = "openai"
trades_between = 1

[tracker]
audit_interval_s = 5.0
"""
INSIGHT = "The favorite was bought late and held to the end."


def completion(_: StubRequest) -> Answer:
    """Answer a chat completion the way the OpenAI API does."""
    message = {"role": "assistant", "content": json.dumps({"insights": [INSIGHT]})}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }
    return 200, body


@pytest.fixture
def chat() -> Iterator[StubServer]:
    server = StubServer(completion)
    yield server
    server.close()


def rows(floor: Floor, query: str) -> list[tuple[object, ...]]:
    """Return rows of the floor's database, none while there is no table."""
    path = floor.root / "state" / "tracker" / "ledger.sqlite"
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            return connection.execute(query).fetchall()
    except sqlite3.OperationalError:
        return []


def test_supervisor_zmq_peewee_clob_client_openai_and_dotenv_work_in_one_floor(
    new_floor: Callable[..., Floor], chat: StubServer
) -> None:
    floor = new_floor(toml=TOML)
    (floor.root / ".env").write_text(
        f"OPENAI_API_KEY=sk-test-0000000000\nOPENAI_BASE_URL={chat.url}/v1\n"
    )
    (floor.root / ".env").chmod(0o600)
    processes = floor.start_alive()

    # supervisor: it runs exactly the processes that call themselves alive, and who listens to them.
    transport = SupervisorTransport("polybot", "polybot", f"unix://{floor.runtime}/supervisor.sock")
    proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
    running = {info["name"]: info["pid"] for info in proxy.supervisor.getAllProcessInfo()}
    transport.close()
    assert running.pop("bridge") > 0
    assert running == {name: process["pid"] for name, process in processes.items()}

    # pyzmq: every process answers on its own socket.
    assert set(newest_seqs(floor.runtime)) == set(processes)

    # peewee: the tracker, and nobody else, holds the database open for writing.
    floor.wait("stored events", lambda: rows(floor, "SELECT 1 FROM event"), timeout_s=30)
    writers = [name for name, process in processes.items() if writes_database(process["pid"])]
    assert writers == ["tracker"]

    # py-clob-client: the tracker's audit of the exchange's routes agrees.
    floor.wait(
        "an audit that agrees",
        lambda: rows(
            floor,
            "SELECT 1 FROM event WHERE type = 'AuditCompleted' AND json_extract(body, '$.agrees')",
        ),
        timeout_s=60,
    )

    # openai and python-dotenv: the analyst, reached by the key and URL of .env, commented.
    floor.wait(
        "a reflection with the analyst's insight",
        lambda: [
            row
            for row in rows(floor, "SELECT body FROM event WHERE type = 'ReflectionRecorded'")
            if INSIGHT in str(row[0])
        ],
        timeout_s=240,
    )
    assert chat.requests[0].headers["user-agent"].startswith("OpenAI/Python")
    assert "sk-test" not in floor.log_tail(100_000)


def writes_database(pid: int) -> bool:
    """Return whether a process has the ledger open for writing."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if link.readlink().name != "ledger.sqlite":
                continue
            flags = (
                Path(f"/proc/{pid}/fdinfo/{link.name}").read_text().split("flags:")[1].split()[0]
            )
        except OSError:
            continue
        if int(flags, 8) & os.O_ACCMODE != os.O_RDONLY:
            return True
    return False


def test_sdnotify_tells_the_service_manager_when_a_process_is_ready_and_working(
    new_floor: Callable[..., Floor],
) -> None:
    floor = new_floor()
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ear.bind(str(floor.runtime / "notify.sock"))
    ear.settimeout(20)
    environ = floor.environ | {
        "NOTIFY_SOCKET": str(floor.runtime / "notify.sock"),
        "WATCHDOG_USEC": "3000000",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "polybot.cli.run", "trader"], env=environ, stderr=subprocess.DEVNULL
    )
    heard: list[str] = []
    while not {"READY=1", "WATCHDOG=1"} <= set(heard):
        heard.append(ear.recv(4096).decode("ascii"))
    process.send_signal(signal.SIGTERM)
    while "STOPPING=1" not in heard:
        heard.append(ear.recv(4096).decode("ascii"))
    assert process.wait(timeout=10) == 0
    assert heard.index("READY=1") < heard.index("WATCHDOG=1")
    assert any(text.startswith("STATUS=") for text in heard)
    ear.close()
