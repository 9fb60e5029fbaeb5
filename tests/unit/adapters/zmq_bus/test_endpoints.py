import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import zmq

from polybot.adapters.zmq_bus.endpoints import (
    EVENTS,
    LONGEST_PATH,
    RPC,
    BoundSocket,
    BusContext,
    is_bound,
    socket_path,
)
from polybot.errors import BusError


def bind(context: BusContext, path: Path) -> BoundSocket:
    return BoundSocket(context, zmq.PUB, path, {})


def test_each_process_has_two_sockets_in_the_runtime_directory() -> None:
    assert socket_path(Path("/run/polybot"), "trader", EVENTS) == Path("/run/polybot/trader.events")
    assert socket_path(Path("/run/polybot"), "trader", RPC) == Path("/run/polybot/trader.rpc")


def test_a_path_too_long_for_a_socket_names_the_setting_to_change() -> None:
    fits = Path("/" + "d" * (LONGEST_PATH - len("//trader.rpc")))
    assert len(os.fsencode(socket_path(fits, "trader", RPC))) == LONGEST_PATH
    with pytest.raises(BusError, match=r"at most 107 bytes, was 108.*POLYBOT_RUNTIME_DIR"):
        socket_path(fits.with_name(fits.name + "d"), "trader", RPC)


def test_bytes_count_not_characters() -> None:
    with pytest.raises(BusError, match="was 11"):
        socket_path(Path("/" + "é" * 50), "trader", RPC)


def test_the_longest_path_can_really_be_bound(context: BusContext, runtime_dir: Path) -> None:
    directory = runtime_dir / ("d" * (LONGEST_PATH - len(str(runtime_dir)) - len("//t.events")))
    bound = bind(context, socket_path(directory, "t", EVENTS))
    assert is_bound(directory / "t.events")
    bound.close()


def test_a_path_bound_by_a_living_process_is_refused(
    context: BusContext, runtime_dir: Path
) -> None:
    path = runtime_dir / "trader.events"
    first = bind(context, path)
    with pytest.raises(BusError, match=r"trader\.events to be free.*POLYBOT_RUNTIME_DIR"):
        bind(context, path)
    assert is_bound(path)
    first.close()


def test_a_closed_path_is_free_at_once(context: BusContext, runtime_dir: Path) -> None:
    path = runtime_dir / "trader.events"
    for _ in range(20):
        bound = bind(context, path)
        assert is_bound(path)
        bound.close()
        assert not path.exists()


BINDER = """
import sys, time
from pathlib import Path
import zmq
from polybot.adapters.zmq_bus.endpoints import BoundSocket, open_context
bound = BoundSocket(open_context(), zmq.PUB, Path(sys.argv[1]), {})
print("bound", flush=True)
time.sleep(60)
"""


def test_a_killed_processs_socket_file_is_no_obstacle(
    context: BusContext, runtime_dir: Path
) -> None:
    path = runtime_dir / "trader.events"
    process = subprocess.Popen(
        [sys.executable, "-c", BINDER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "bound\n"
    with pytest.raises(BusError, match="living process"):
        bind(context, path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert path.exists()
    assert not is_bound(path)
    bound = bind(context, path)
    assert is_bound(path)
    bound.close()


def test_only_owner_and_group_may_talk_to_a_socket(context: BusContext, runtime_dir: Path) -> None:
    bound = bind(context, runtime_dir / "trader.events")
    assert (runtime_dir / "trader.events").stat().st_mode & 0o777 == 0o660
    bound.close()


def test_a_runtime_directory_is_made_when_it_is_missing(
    context: BusContext, runtime_dir: Path
) -> None:
    bound = bind(context, runtime_dir / "run" / "trader.events")
    assert is_bound(runtime_dir / "run" / "trader.events")
    bound.close()


def test_a_runtime_directory_that_cannot_be_made_says_what_to_do(
    context: BusContext, runtime_dir: Path
) -> None:
    (runtime_dir / "file").touch()
    with pytest.raises(BusError, match="POLYBOT_RUNTIME_DIR"):
        bind(context, runtime_dir / "file" / "trader.events")


def test_a_probe_does_not_disturb_the_one_it_looks_at(
    context: BusContext, runtime_dir: Path
) -> None:
    path = runtime_dir / "trader.events"
    bound = bind(context, path)
    with context.socket(zmq.SUB) as subscriber:
        subscriber.setsockopt(zmq.SUBSCRIBE, b"")
        subscriber.connect(f"ipc://{path}")
        deadline = time.monotonic() + 10
        while not subscriber.poll(20):
            assert is_bound(path)
            bound.socket.send(b"still here")
            assert time.monotonic() < deadline
    bound.close()


def test_a_file_nobody_listens_on_is_not_bound(runtime_dir: Path) -> None:
    assert not is_bound(runtime_dir / "missing")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(runtime_dir / "stale"))
    assert (runtime_dir / "stale").exists()
    assert not is_bound(runtime_dir / "stale")
