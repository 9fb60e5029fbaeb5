"""The minimal Debian a machine starts from: built once by mmdebstrap, then kept."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from tests.system.container_host import CannotRun

CACHE_NAME: Final = "POLYBOT_SYSTEM_CACHE"
DEFAULT_CACHE: Final = Path("/var/cache/polybot-system-tests")
# What a provider's smallest image has, and none of what the README's first line installs.
PACKAGES: Final = ("systemd", "systemd-sysv", "dbus", "python3", "ca-certificates", "procps")
# The host's own sources: a machine installs from where its host does.
_APT: Final = Path("/etc/apt")
_SUITE: Final = re.compile(r"(?<![\w-])(bookworm|trixie)\b")


def build_root(suite: str) -> Path:
    """Return the directory of a minimal root of this suite, built unless it is there already."""
    key = hashlib.sha256(f"{suite} {PACKAGES}".encode()).hexdigest()[:8]
    cache = Path(os.environ.get(CACHE_NAME, DEFAULT_CACHE))
    root = cache / f"{suite}-{key}"
    if (root / ".built").exists():
        return root
    shutil.rmtree(root, ignore_errors=True)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        sources = Path(directory) / "sources"
        sources.write_text(_sources_of(suite))
        done = subprocess.run(
            [
                *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}"),
                *(suite, str(root), str(sources)),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        shutil.rmtree(root, ignore_errors=True)
        raise CannotRun(f"mmdebstrap could not build {suite}: {done.stderr.strip()[-500:]}")
    _reach_packages(root)
    (root / ".built").touch()
    return root


def _sources_of(suite: str) -> str:
    for pattern in ("sources.list.d/*.sources", "sources.list", "sources.list.d/*.list"):
        for path in sorted(_APT.glob(pattern)):
            if _SUITE.search(text := path.read_text()):
                return _SUITE.sub(suite, text)
    raise CannotRun(f"expected apt's sources of Debian 12 or 13 under {_APT}, was none")


def _reach_packages(root: Path) -> None:
    """Let the machine reach package registries the way its host does: certificates and pip.conf."""
    for certificate in Path("/usr/local/share/ca-certificates").glob("*.crt"):
        shutil.copy(certificate, root / "usr/local/share/ca-certificates")
    subprocess.run(["chroot", root, "update-ca-certificates"], capture_output=True, check=True)
    if Path("/etc/pip.conf").is_file():
        shutil.copy("/etc/pip.conf", root / "etc/pip.conf")
