"""One throw-away machine: an overlay over a minimal Debian, booted with systemd as PID 1."""

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.system.container_host import drop_cgroups, own_cgroups

BOOT_S: Final = 60.0
_POLL_S: Final = 0.02
_ENVIRON: Final = (
    *("env", "-i", "HOME=/root", "USER=root", "LANG=C.UTF-8", "TERM=dumb"),
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    *("SYSTEMD_PAGER=", "SYSTEMD_COLORS=0"),
)


class MachineError(Exception):
    """A machine did not do what was asked of it."""


class Machine:
    """Boots, is asked, rebooted and crashed; everything it wrote goes with it."""

    def __init__(self, name: str, base: Path, *, disk: str = "4g") -> None:
        self.name = name
        self._base = base
        self._directory = Path(tempfile.mkdtemp(prefix=f"polybot-system-{name}-"))
        self._root = self._directory / "root"
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0
        # An overlay's upper directory must not lie under its lower one: a disk of its own.
        _run("mount", "-t", "tmpfs", "-o", f"size={disk},mode=755", "tmpfs", str(self._directory))
        for each in ("upper", "work", "root"):
            (self._directory / each).mkdir()

    @property
    def files(self) -> Path:
        """The machine's files as its own processes see them, `/run` and other mounts included."""
        return Path(f"/proc/{self._leader}/root")

    @property
    def disk(self) -> Path:
        """The machine's disk, for what git and tar bring: a path like any other."""
        return self._root

    @property
    def written(self) -> Path:
        """What the machine wrote over the minimal root."""
        return self._directory / "upper"

    def copy_disk(self, other: "Machine") -> None:
        """Begin with what another machine has written so far; before the first boot only."""
        shutil.rmtree(self.written)
        _run("cp", "-a", str(other.written), str(self.written))

    def boot(self) -> float:
        """Boot and return how many seconds it took until systemd calls itself running."""
        if not os.path.ismount(self._root):
            self._mount()
        began = time.monotonic()
        self._nspawn = subprocess.Popen(
            [
                *self._in_own_cgroups(),
                *("systemd-nspawn", "--quiet", "--boot", f"--directory={self._root}"),
                *(f"--machine={self.name}", "--register=no", "--keep-unit", "--link-journal=no"),
                *("--console=read-only", "--resolv-conf=off", "--timezone=off"),
            ],
            env={"PATH": os.environ["PATH"], "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            stdin=subprocess.DEVNULL,
            stdout=self._console(),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wait("systemd to run", self._is_up, BOOT_S)
        return time.monotonic() - began

    def shell(self, command: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command among the machine's processes at once: for looking, not for installing."""
        return subprocess.run(
            [*self._enter(), "bash", "-c", f"cd /root; {command}"],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def ask(self, command: str, timeout_s: float = 60) -> str:
        """Return what a command prints; raises MachineError when it fails."""
        done = self.shell(command, timeout_s)
        if done.returncode != 0:
            raise MachineError(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def log_in(self, script: str, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
        """Run a script as a person who logged in: under systemd, in a cgroup of its own."""
        return subprocess.run(
            [
                *(*self._enter(), "systemd-run", "--quiet", "--wait", "--pipe", "--collect"),
                *("--property=Environment=HOME=/root", "--property=WorkingDirectory=/root"),
                *("bash", "-c", script),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def reboot(self) -> float:
        """Reboot in order and return the seconds of the boot."""
        self.shell("systemctl reboot")
        self._gone()
        return self.boot()

    def crash(self) -> float:
        """Kill PID 1, and with it everything at once; return the seconds of the next boot."""
        os.kill(self._leader, signal.SIGKILL)
        self._gone()
        return self.boot()

    def remove(self) -> None:
        """End the machine and everything it wrote."""
        if self._nspawn is not None and self._nspawn.poll() is None:
            # An orderly end is worth a little patience: it unmounts what it mounted.
            self._nspawn.terminate()
            try:
                self._nspawn.wait(timeout=15)
            except subprocess.TimeoutExpired:
                if self._leader > 1:
                    os.kill(self._leader, signal.SIGKILL)
                self._nspawn.wait(timeout=15)
        for mount in (self._root, self._directory):
            if os.path.ismount(mount):
                _run("umount", "--lazy", str(mount))
        self._directory.rmdir()
        drop_cgroups(self._cgroup_name)

    def console_tail(self) -> str:
        """Return the end of what the machine said on its console."""
        return (self._directory / "console.log").read_text(errors="replace")[-3000:]

    @property
    def _cgroup_name(self) -> str:
        return f"polybot-system-{self.name}-{os.getpid()}"

    def _in_own_cgroups(self) -> tuple[str, ...]:
        """Return how a command is started so: nspawn makes more cgroups below its own."""
        trees = shlex.join(map(str, own_cgroups(self._cgroup_name)))
        join = f'for each in {trees}; do mkdir -p "$each" && echo $$ >"$each/cgroup.procs"; done'
        return ("sh", "-c", f'{join}; exec "$@"', "sh")

    def _mount(self) -> None:
        layers = f"lowerdir={self._base},upperdir={self._directory}/upper"
        layers += f",workdir={self._directory}/work"
        _run("mount", "-t", "overlay", "overlay", "-o", layers, str(self._root))
        (self._root / "etc/hostname").write_text(f"{self.name}\n")
        (self._root / "etc/hosts").write_text(f"127.0.0.1 localhost {self.name}\n")
        (self._root / "etc/machine-id").write_text("")
        shutil.copy("/etc/resolv.conf", self._root / "etc/resolv.conf")

    def _console(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        return os.open(self._directory / "console.log", flags, 0o600)

    def _enter(self) -> tuple[str, ...]:
        return ("nsenter", "--target", str(self._leader), "--all", *_ENVIRON)

    def _is_up(self) -> bool:
        assert self._nspawn is not None
        if self._nspawn.poll() is not None:
            raise MachineError(f"{self.name} did not boot\n{self.console_tail()}")
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children")
        pids = children.read_text().split()
        if not pids:
            return False
        self._leader = int(pids[0])
        told = self.shell("systemctl is-system-running").stdout.strip()
        return told in ("running", "degraded")

    def _gone(self) -> None:
        assert self._nspawn is not None
        self._nspawn.wait(timeout=60)
        self._leader = 0

    def _wait(self, what: str, seen: Callable[[], bool], timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not seen():
            if time.monotonic() > deadline:
                raise MachineError(f"waited {timeout_s:.0f} s for {what}\n{self.console_tail()}")
            time.sleep(_POLL_S)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MachineError(f"{shlex.join(command)}: {done.stderr.strip()}")
