"""Takes an installation away; what a floor knows and how it was set up stay unless told not to."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from polybot.extras.installer import machine, release, units
from polybot.extras.installer.install import alone
from polybot.extras.installer.places import COMMANDS, USER, Places
from polybot.extras.installer.steps import Trouble, attempt, say


def uninstall(places: Places, *, purge: bool) -> None:
    """Stop and remove polybot; with `purge` also configuration, secrets, state and user."""
    machine.check_root(os.geteuid())
    machine.check_systemd(places)
    with alone(places):
        _uninstall(places, purge=purge)


def _uninstall(places: Places, *, purge: bool) -> None:
    kept = [path for path in (places.configuration, places.state) if path.exists()]
    is_there = release.built(places) or places.current.is_symlink() or units.installed(places)
    if not is_there and not (purge and kept):
        raise Trouble("expected an installation, was none")
    say("stopping polybot")
    units.remove(places)
    for name in COMMANDS:
        _unlink(places, places.commands / name)
    _remove_releases(places)
    say("removed programs, units and commands")
    if places.releases.exists():
        say(f"kept {places.releases}: what is in it is not of polybot's installer")
    if purge:
        _purge(places)
    elif kept:
        say(f"kept {' and '.join(map(str, kept))}: `make uninstall PURGE=1` removes them too,")
        say("with every backup and every secret in them")


def _purge(places: Places) -> None:
    left = []
    for directory in (places.configuration, places.state, places.runtime):
        if directory.is_symlink():
            left.append(f"{directory} leads to {directory.readlink()}, which is yours to remove")
            continue
        shutil.rmtree(directory, ignore_errors=True)
        if directory.is_dir() and not any(directory.iterdir()):
            left.append(f"{directory} is empty, and stays: a disk of its own is mounted there")
        elif directory.exists():
            left.append(f"{directory} is not empty: {', '.join(sorted(os.listdir(directory)))}")
    left += _remove_user(places)
    if left:
        raise Trouble("not everything could be removed:\n" + "\n".join(left))
    say("removed configuration, secrets, state, backups and the user")


def _remove_user(places: Places) -> list[str]:
    """Remove the services' user and its group; returns what is left of them, and why."""
    user = attempt("getent", "passwd", USER)
    if user.returncode == 0:
        home = user.stdout.strip().split(":")[-2]
        if home != str(places.state):
            # Somebody's own account of this name.
            return [f"the user {USER} stays: expected its home to be {places.state}, was {home}"]
        told = attempt("userdel", USER).stdout.strip()
        if attempt("getent", "passwd", USER).returncode == 0:
            return [f"the user {USER}: {told}"]
    attempt("groupdel", USER)
    return []


def _remove_releases(places: Places) -> None:
    for link in (places.current, places.previous):
        for path in (link, link.with_name(f".{link.name}.new")):
            if path.is_symlink():
                path.unlink()
    for path in release.built(places):
        release.remove(path)
    release.clear(places)
    # Not empty, or a disk of its own: it stays.
    with suppress(OSError):
        places.releases.rmdir()


def _unlink(places: Places, path: Path) -> None:
    # Somebody else's command of this name stays.
    if path.is_symlink() and path.readlink().is_relative_to(places.releases):
        path.unlink()
