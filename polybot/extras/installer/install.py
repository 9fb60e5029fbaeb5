"""Installs, upgrades and goes back: everything that may fail comes before the switch."""

import fcntl
import json
import os
import re
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from polybot.extras.installer import machine, release, units, verify
from polybot.extras.installer.contents import Manifest, version_of
from polybot.extras.installer.places import COMMANDS, SERVICES, TARGET, USER, Places, service
from polybot.extras.installer.steps import Trouble, as_service, attempt, run, say

CONFIG = "polybot.toml"
# Of those that upgrades make; a night's are counted apart (`backup.keep`).
KEPT_BACKUPS = 2
_BACKUP = re.compile(rf"before-{release.NAME.pattern}\.tar\.zst")


@dataclass(frozen=True)
class Wish:
    """What a person asked for: the clone, with the exchange's own client, on an untried system."""

    source: Path
    live: bool = False
    force: bool = False


def install(places: Places, wish: Wish) -> None:
    """Install a clone's release, or bring an installation to it; raises Trouble."""
    machine.check(places, version_of(wish.source), live=wish.live, force=wish.force)
    os.umask(0o022)
    with alone(places):
        found = places.release_of(places.current)
        new, is_new = release.build(places, wish.source)
        if not is_new:
            say(f"{new.name} is built already")
        try:
            if wish.live and not release.add_live(wish.source, new):
                say("  the exchange's own client is there already")
            was_running = _prepare(places, wish, new, is_other=new != found)
        except BaseException:
            if is_new:
                shutil.rmtree(new)
            raise
        _switch_and_restart(places, new, is_other=new != found)
        prune(places)
        _examine(new)
        _say_next(places, new, found, units.running() if was_running else [])


def rollback(places: Places) -> None:
    """Go back to the release before the current one, whose program this may well be."""
    machine.check_root(os.geteuid())
    machine.check_systemd(places)
    with alone(places):
        found, earlier = places.release_of(places.current), places.release_of(places.previous)
        if earlier is None or found is None or earlier == found:
            raise Trouble(f"expected a release to go back to at {places.previous}, was none")
        units.verify(earlier)
        running = units.running()
        _try(places, earlier, running)
        fresh = switch(places, earlier)
        # What the newer one brought down is not what a person stopped.
        restart(earlier, fresh, broken_too=units.is_wanted())
        say(f"{earlier.name} is in use again, {found.name} is kept as the one before")


def switch(places: Places, new: Path) -> list[str]:
    """Put a release in use: units, links; returns the units that it enabled."""
    fresh = units.install(places, new)
    found = places.release_of(places.current)
    if found is not None and found != new:
        _link(places.previous, found.name)
    _link(places.current, new.name)
    places.commands.mkdir(parents=True, exist_ok=True)
    for name in COMMANDS:
        _link(places.commands / name, str(places.current / "bin" / name))
    return fresh


def restart(
    new: Path, fresh: Sequence[str] = (), *, is_other: bool = True, broken_too: bool = False
) -> None:
    """Restart what runs, the trader last and for the shortest time; raises Trouble.

    Where the release was in use before, only what an interrupted restart left with another.
    """
    wanted = (*units.RUNNING, "failed") if broken_too else units.RUNNING
    stopped = []
    masked = units.in_state("masked", map(service, SERVICES))
    for name in SERVICES:
        # Asked just before: a person may have stopped it since the backup began.
        state = units.state_of(name)
        if service(name) in masked and state in wanted:
            say(f"left as it runs: {service(name)} is masked")
        elif state not in wanted:
            stopped.append(service(name))
        elif is_other or (state == "active" and runs_another(name, new)):
            say(f"restarting {service(name)}")
            attempt("systemctl", "reset-failed", service(name))
            run("systemctl", "restart", service(name))
    left = [unit for unit in stopped if unit not in fresh]
    if left and len(stopped) < len(SERVICES):
        say(f"left stopped: {', '.join(left)}")
    units.start_with_target(fresh)


def runs_another(name: str, new: Path) -> bool:
    """Return whether a process runs with another release's program."""
    pid = units.process_of(name)
    return bool(pid) and not verify.runs_from(Path(f"/proc/{pid}/maps"), new)


def prune(places: Places) -> None:
    """Remove the releases that are neither in use nor the one before."""
    kept = (places.release_of(places.current), places.release_of(places.previous))
    for path in release.built(places):
        if path.resolve() not in kept:
            release.remove(path)


def _switch_and_restart(places: Places, new: Path, *, is_other: bool) -> None:
    is_switched = False
    try:
        fresh = switch(places, new)
        is_switched = True
        restart(new, fresh, is_other=is_other)
    except Trouble as trouble:
        if not is_switched:
            raise
        raise Trouble(
            f"{trouble}\nthe new release is in use; back to the old one: make rollback"
        ) from trouble
    except KeyboardInterrupt:
        if places.release_of(places.current) == new:
            _say_interrupted(new)
        raise


def _say_interrupted(new: Path) -> None:
    old = [service(name) for name in units.running() if runs_another(name, new)]
    say(f"{new.name} is in use; with the old one still: {', '.join(old) or 'nothing'}")
    say("make install again completes it, make rollback goes back")


@contextmanager
def alone(places: Places) -> Iterator[None]:
    """Keep a second installer out; raises Trouble when there is one."""
    places.lock.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    # A connection that is lost must not leave this half done.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(places.lock, flags, 0o600), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Trouble("expected no other installer to run, one does; wait for it") from error
        yield


def _prepare(places: Places, wish: Wish, new: Path, *, is_other: bool) -> list[str]:
    """Do all that a running floor does not notice; returns what runs."""
    units.verify(new)
    units.make_user_and_directories(places, new)
    is_first = _keep_configuration(places, wish.source, new)
    running = units.running()
    try:
        _try(places, new, running)
    except Trouble:
        if is_first:
            (places.configuration / CONFIG).unlink()
        raise
    if is_other:
        _back_up(places, new)
    # A backup takes its time.
    return units.running()


def _keep_configuration(places: Places, source: Path, new: Path) -> bool:
    """Write the first configuration, and the sample beside one that is there."""
    sample, config = new / "config" / CONFIG, places.configuration / CONFIG
    beside = places.configuration / f"{CONFIG}.sample"
    if beside.is_file() and beside.read_bytes() != sample.read_bytes():
        say(f"{beside} is new: compare it with yours")
    _place(sample, beside)
    if config.exists():
        say(f"{config} is kept")
        return False
    own = source / "config" / CONFIG
    _place(own if own.is_file() else sample, config)
    return True


def _place(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    shutil.chown(target, "root", USER)
    target.chmod(0o640)


def _try(places: Places, new: Path, running: list[str]) -> None:
    """Have the new program read the configuration and migrate a copy of the database."""
    words = ["polybot.cli.trial", *(["--running"] if running else [])]
    done = attempt(*as_service(new, *words))
    told = done.stdout.strip()
    if done.returncode:
        raise Trouble(f"{new.name} cannot go on with what is here, nothing was changed:\n{told}")
    if told:
        say(told)


def _back_up(places: Places, new: Path) -> None:
    """Back up what the old release left, under a name that its nightly backups do not displace."""
    current = places.release_of(places.current)
    if current is None or not any(places.state.glob("*/journal-*.log")):
        return
    say("backing up the state")
    backups = places.state / "backups"
    target = backups / f"before-{new.name}.tar.zst"
    target.unlink(missing_ok=True)
    # Not as root, which would write in a directory of the service's: the file is the service's.
    words = ("polybot.cli.main", "backup", "create", "--out", str(target))
    say(f"  {run(*as_service(current, *words)).strip()}")
    made = [path for path in backups.glob("before-*") if _BACKUP.fullmatch(path.name)]
    for older in sorted(made, key=lambda path: path.lstat().st_mtime_ns)[:-KEPT_BACKUPS]:
        older.unlink()


def _link(path: Path, target: str) -> None:
    """Make a link, in one step for whoever follows it meanwhile."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    beside.rename(path)


def _examine(new: Path) -> None:
    """Say what `polybot doctor` finds wrong; it keeps nothing from being installed."""
    done = attempt(*as_service(new, "polybot.cli.main", "doctor", "--json"))
    try:
        rows = json.loads(done.stdout)
    except ValueError:
        say(f"polybot doctor:\n{done.stdout.strip()}")
        return
    wrong = [row for row in rows if row["status"] in ("warn", "fail")]
    say(f"polybot doctor: {len(rows)} checks, {len(wrong)} to look at")
    for row in wrong:
        say(f"  {row['status']}  {row['check']}: {row['detail']}")


def _say_next(places: Places, new: Path, found: Path | None, running: list[str]) -> None:
    version = Manifest.read(new).version
    say()
    if running:
        say(f"polybot {version} runs ({new.name})")
        if found is not None and found != new:
            say("back: make rollback")
        return
    say(f"polybot {version} is installed ({new.name})")
    say(f"configure  {places.configuration / CONFIG}")
    say(f"start      systemctl start {TARGET}")
    say("look       polybot status")
