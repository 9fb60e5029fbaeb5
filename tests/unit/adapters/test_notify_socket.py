import os
import socket
import subprocess
import sys
from pathlib import Path

from polybot.adapters.notify_socket import NotifySocket


def say(path: Path, words: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(words, str(path))


def test_what_is_said_comes_with_who_said_it(tmp_path: Path) -> None:
    path = tmp_path / "notify.sock"
    heard = NotifySocket(path)
    assert heard.take() == []
    say(path, b"READY=1")
    say(path, b"WATCHDOG=1")
    assert heard.take() == [(os.getpid(), b"READY=1"), (os.getpid(), b"WATCHDOG=1")]
    code = (
        "import os, socket, sys\n"
        "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "s.sendto(b'READY=1', sys.argv[1]); print(os.getpid())"
    )
    child = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=True)
    assert heard.take() == [(int(child.stdout), b"READY=1")]
    heard.close()
    assert not path.exists()


def test_it_is_for_this_user_alone_and_takes_over_what_a_killed_one_left(tmp_path: Path) -> None:
    path = tmp_path / "notify.sock"
    left = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    left.bind(str(path))
    left.close()
    heard = NotifySocket(path)
    assert path.stat().st_mode & 0o777 == 0o700
    say(path, b"READY=1")
    assert len(heard.take()) == 1
    heard.close()
