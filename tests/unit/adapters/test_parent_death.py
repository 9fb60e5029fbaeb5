import signal
import subprocess
import sys
import time

# A parent that starts a child and waits to be killed; the child says its pid, then sleeps.
PARENT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", sys.argv[1]])
time.sleep(60)
"""
CHILD = """
import os, sys, time
from polybot.adapters.parent_death import end_with_parent
assert end_with_parent(os.getppid())
sys.stdout.write(f"{os.getpid()}\\n")
sys.stdout.flush()
time.sleep(60)
"""


def is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_process_ends_with_its_parent_even_a_killed_one() -> None:
    command = [sys.executable, "-c", PARENT, CHILD]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_running(child)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        deadline = time.monotonic() + 5
        while is_running(child) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not is_running(child)


def test_a_parent_that_is_gone_already_is_noticed() -> None:
    code = "import sys; from polybot.adapters.parent_death import end_with_parent as end\n"
    code += "sys.exit(0 if not end(1) else 3)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
