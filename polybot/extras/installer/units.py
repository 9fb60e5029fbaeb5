"""Puts a release's units where systemd finds them, checks them, and takes them away again."""

import ipaddress
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from polybot.extras.installer.places import SERVICES, TARGET, TIMERS, Places, service
from polybot.extras.installer.steps import Trouble, attempt, run, say

DROP_INS = "polybot-.service.d"
NAME_SERVER = "20-name-server.conf"
_TIMERS = tuple(f"polybot-{name}.timer" for name in TIMERS)
RUNNING = ("active", "activating", "reloading")
# Of most clouds; at some the same address answers for names.
METADATA = "169.254.169.254"
_LINK_LOCAL = ipaddress.ip_network("169.254.0.0/16")
ENABLED = (
    TARGET,
    *(service(name) for name in SERVICES),
    *_TIMERS,
)


def unit_files(release: Path) -> dict[str, Path]:
    """Return a release's units by their path below the directory of units."""
    root = release / "systemd"
    kinds = ("*.target", "*.slice", "*.service", "*.timer", f"{DROP_INS}/*.conf")
    return {
        path.relative_to(root).as_posix(): path
        for kind in kinds
        for path in sorted(root.glob(kind))
    }


def make_user_and_directories(places: Places, release: Path) -> None:
    """Make the services' user and every directory with its owner and mode."""
    for name, target in (("sysusers", places.sysusers), ("tmpfiles", places.tmpfiles)):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(release / f"systemd/polybot.{name}", target)
        target.chmod(0o644)
    run("systemd-sysusers", places.sysusers)
    run("systemd-tmpfiles", "--create", places.tmpfiles)


def verify(release: Path) -> None:
    """Have systemd read a release's units before they are installed; raises Trouble."""
    with tempfile.TemporaryDirectory() as made:
        for name, path in unit_files(release).items():
            target = Path(made, name)
            target.parent.mkdir(exist_ok=True)
            # The programs they name must exist, and the link leads to another release yet.
            target.write_text(path.read_text().replace("/opt/polybot/current", str(release)))
        units = [path for path in Path(made).iterdir() if path.is_file() and "@" not in path.name]
        done = attempt("systemd-analyze", "verify", "--man=no", *units)
    ours = [line for line in done.stdout.splitlines() if "polybot" in line]
    if done.returncode or ours:
        shown = "\n".join(ours or done.stdout.splitlines())
        raise Trouble(f"expected units that systemd accepts:\n{shown}")


def install(places: Places, release: Path) -> list[str]:
    """Put the units in place, and take away those that this release has no more.

    Returns the units that the release in use does not know: only they are enabled, what a person
    disabled stays so.
    """
    found = places.release_of(places.current)
    known = unit_files(found) if found else {}
    wanted = unit_files(release)
    for name, path in wanted.items():
        target = places.units / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o644)
    for path in installed(places):
        if path.relative_to(places.units).as_posix() not in wanted:
            path.unlink()
    _allow_name_server(places)
    run("systemctl", "daemon-reload")
    fresh = [name for name in ENABLED if name not in known]
    masked = in_state("masked", fresh)
    if masked:
        say(f"left masked: {', '.join(masked)}")
    fresh = [name for name in fresh if name not in masked]
    if fresh:
        run("systemctl", "--quiet", "enable", *fresh)
    return fresh


def installed(places: Places) -> list[Path]:
    """Return the unit files of polybot that are installed."""
    found = [*places.units.glob("polybot*"), *places.units.glob(f"{DROP_INS}/*")]
    return sorted(path for path in found if path.is_file())


def remove(places: Places) -> None:
    """Stop everything, and take away whatever `install` put there."""
    attempt("systemctl", "stop", TARGET, *stoppable(), "polybot.slice")
    attempt("systemctl", "--quiet", "disable", *ENABLED)
    for path in installed(places):
        path.unlink()
    for directory in (places.units / DROP_INS, places.own_units / DROP_INS):
        (directory / NAME_SERVER).unlink(missing_ok=True)
        if directory.is_dir() and not any(directory.iterdir()):
            directory.rmdir()
    places.sysusers.unlink(missing_ok=True)
    places.tmpfiles.unlink(missing_ok=True)
    attempt("systemctl", "daemon-reload")
    attempt("systemctl", "reset-failed", "polybot*")


def stoppable() -> list[str]:
    """Return every unit that may run, for a stop that waits until all are down."""
    jobs = [f"polybot-{name}.{kind}" for name in TIMERS for kind in ("timer", "service")]
    return [service(name) for name in SERVICES] + jobs


def running() -> list[str]:
    """Return the processes that run now, or are about to, the trader last."""
    return [name for name in SERVICES if state_of(name) in RUNNING]


def state_of(name: str) -> str:
    """Return systemd's ActiveState of a process, as it is now."""
    return attempt("systemctl", "is-active", service(name)).stdout.strip()


def process_of(name: str) -> int:
    """Return the id of a process, 0 when it does not run."""
    told = attempt("systemctl", "show", "--property=MainPID", "--value", service(name)).stdout
    return int(told.strip() or 0)


def start_with_target(fresh: Sequence[str]) -> None:
    """Start the timers, and what the release before did not have, while the floor runs.

    Not the target: that would start what a person stopped.
    """
    if is_wanted() and (startable := in_state("enabled", {*_TIMERS, *fresh} - {TARGET})):
        run("systemctl", "start", *startable)


def in_state(wanted: str, names: Iterable[str]) -> list[str]:
    """Return the units whose files are in a state, such as enabled; at once or for this boot."""
    asked = sorted(names)
    return [
        name
        for name in asked
        if attempt("systemctl", "is-enabled", name).stdout.strip().startswith(wanted)
    ]


def is_wanted() -> bool:
    """Return whether the floor is meant to run now."""
    return attempt("systemctl", "is-active", "--quiet", TARGET).returncode == 0


def _allow_name_server(places: Places) -> None:
    """Let the services ask a name server at a link-local address, as some clouds have one."""
    path = places.own_units / DROP_INS / NAME_SERVER
    servers = link_local_name_servers(places.root / "etc/resolv.conf")
    if not servers:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "# Written by polybot's installer: /etc/resolv.conf names it, the units deny its network.\n"
        f"[Service]\nIPAddressAllow={' '.join(servers)}\n"
    )


def link_local_name_servers(resolv_conf: Path) -> list[str]:
    """Return the name servers of a resolv.conf(5) that the units could not reach."""
    try:
        lines = resolv_conf.read_text("utf-8").splitlines()
    except OSError:
        return []
    named = [
        words[1] for line in lines if (words := line.split())[:1] == ["nameserver"] and words[1:]
    ]
    if set(named) == {METADATA}:
        say(f"the only name server, {METADATA}, is also where the cloud keeps the machine's own")
        say("credentials (metadata server): the services can reach it; name another one to deny it")
    return [name for name in named if _is_link_local(name)]


def _is_link_local(name: str) -> bool:
    try:
        return ipaddress.ip_address(name) in _LINK_LOCAL
    except ValueError:
        return False
