"""What this machine must offer to boot another one inside a container, and its cgroup trees."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PROGRAMS: Final = {"systemd-nspawn": "systemd-container", "mmdebstrap": "mmdebstrap"}
_LET_GO_S: Final = 5.0
_LEGACY_TREE: Final = Path("/sys/fs/cgroup/systemd")


class CannotRun(Exception):
    """This machine cannot boot a container; the message says why."""


def require_host() -> None:
    """Install the Debian packages that are missing; raise CannotRun when it still cannot work."""
    if os.getuid() != 0:
        raise CannotRun("only root may boot a container")
    missing = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    if missing:
        _install(missing)
    if "overlay" not in Path("/proc/filesystems").read_text() and not _can_load("overlay"):
        raise CannotRun("this kernel has no overlay file system")
    unified_tree()


def unified_tree() -> Path:
    """Return where the cgroup v2 tree is mounted; raises CannotRun without a writable one."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind == "cgroup2" and os.access(where, os.W_OK):
            return Path(where)
    raise CannotRun("no writable cgroup v2 tree is mounted (/sys/fs/cgroup)")


def own_cgroups(name: str) -> Iterator[Path]:
    """Yield a cgroup of this name in each tree systemd keeps processes in."""
    yield unified_tree() / name
    if _LEGACY_TREE.is_dir():
        yield _LEGACY_TREE / name


def drop_cgroups(name: str) -> None:
    """Remove the cgroups of a machine that is gone, as soon as the kernel has let go of it."""
    deadline = time.monotonic() + _LET_GO_S
    while any(not _is_removed(cgroup) for cgroup in own_cgroups(name)):
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)


def _is_removed(cgroup: Path) -> bool:
    for directory, _, _ in os.walk(cgroup, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(directory)
    return not cgroup.exists()


def _install(packages: list[str]) -> None:
    print(f"installing the Debian packages {' '.join(packages)}", flush=True)
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends"]):
        wanted = packages if command[0] == "install" else []
        done = subprocess.run(
            ["apt-get", *command, *wanted], env=environ, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise CannotRun(f"apt-get {command[0]} failed: {done.stderr.strip()[-300:]}")


def _can_load(module: str) -> bool:
    return shutil.which("modprobe") is not None and (
        subprocess.run(["modprobe", module], capture_output=True, check=False).returncode == 0
    )
