"""What a machine must be before anything is changed on it."""

import os
import shutil
from pathlib import Path

from polybot.extras.installer.contents import Manifest, as_numbers
from polybot.extras.installer.places import Places
from polybot.extras.installer.steps import Trouble, say

# Measured: a release takes 193 MB, the exchange's own client 90 MB; pip unpacks beside them.
RELEASE_MB, LIVE_MB = 400, 150
# A new floor takes 40 MB, and polybot stops entries under watchdog.min_disk_mb.
STATE_MB = 200
# Where every step was tried.
KNOWN = {"debian": ("12", "13")}
_MIB = 1 << 20


def check(places: Places, version: str, *, live: bool, force: bool) -> None:
    """Check everything that can be known beforehand; raises Trouble, the first that is wrong."""
    check_root(os.geteuid())
    check_systemd(places)
    check_system(places, force=force)
    check_version(places, version)
    check_space(places.releases, RELEASE_MB + (LIVE_MB if live else 0))
    check_space(places.state, STATE_MB)


def check_source(places: Places, source: Path) -> None:
    """Refuse a clone in the directory of the releases, which would be among what is removed."""
    if source.resolve().is_relative_to(places.releases.resolve()):
        raise Trouble(
            f"expected the clone outside {places.releases}, where the releases are, was {source}: "
            "clone it elsewhere, such as to /srv/polybot"
        )


def check_root(user: int) -> None:
    """Refuse everybody but root."""
    if user != 0:
        raise Trouble("expected root: become it with `sudo -i` or `su -`, and run this again")


def check_systemd(places: Places) -> None:
    """Refuse a machine that systemd does not run (sd_booted(3))."""
    if not (places.root / "run/systemd/system").is_dir():
        raise Trouble(
            "expected systemd to run this machine, it does not; `make run` runs polybot without"
        )


def check_system(places: Places, *, force: bool) -> None:
    """Refuse a system on which none of this was tried, unless the person insists."""
    told = _os_release(places.root / "etc/os-release")
    name, version = told.get("ID", "unknown"), told.get("VERSION_ID", "")
    if version in KNOWN.get(name, ()):
        return
    tried = ", ".join(f"{each} {' or '.join(numbers)}" for each, numbers in KNOWN.items())
    shown = f"{name} {version}".strip()
    if not force:
        raise Trouble(f"expected {tried}, was {shown}; FORCE=1 tries it all the same")
    say(f"warning: {shown} was never tried, {tried} was")


def check_version(places: Places, version: str) -> None:
    """Refuse to replace a newer version, whose database this one could not read."""
    release = places.release_of(places.current)
    if release is None:
        return
    newer = Manifest.read(release).version
    if as_numbers(newer) > as_numbers(version):
        raise Trouble(
            f"expected polybot {newer} or newer, was {version}: {newer} is installed, and an older "
            "program cannot read its database; `make rollback` goes back to the release before "
            "it (docs/how-to/install.md)"
        )


def check_space(directory: Path, least_mb: int) -> None:
    """Refuse a disk with less room than this."""
    place = next(path for path in (directory, *directory.parents) if path.exists())
    free = shutil.disk_usage(place).free // _MIB
    if free < least_mb:
        raise Trouble(f"expected {least_mb} MB free for {directory}, was {free} MB; make room")


def _os_release(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {name: value.strip("\"'") for name, _, value in pairs}
