"""The doctor's rows of an installation: whose its files are, and who may read its secrets."""

import grp
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from pwd import struct_passwd

from polybot.cli.checks import CheckStatus, Row
from polybot.cli.identity import SERVICE_USER, is_service_floor, service_user
from polybot.cli.output import plural
from polybot.config.load import LoadedConfig
from polybot.config.secret_keys import INSTALLED_CREDENTIALS

_OTHERS = 0o007
_ANYBODY_ELSE = 0o077
_SHARED = stat.S_ISGID | stat.S_IRWXU | stat.S_IRWXG
_NAMED = 3


def installation_rows(
    loaded: LoadedConfig, credentials: Path = INSTALLED_CREDENTIALS
) -> Iterator[Row]:
    """Yield what can be told of an installation; nothing for a floor of one's own."""
    service = service_user()
    if not is_service_floor(loaded.locations) or service is None:
        return
    yield members_row(service)
    yield ownership_row(loaded.locations.state_dir, service)
    yield config_row(loaded.locations.config_path, service)
    yield credentials_row(credentials)


def members_row(service: struct_passwd) -> Row:
    """Return who may run commands besides root."""
    check = "service user"
    try:
        group = grp.getgrgid(service.pw_gid)
    except KeyError:
        fix = f"groupadd --gid {service.pw_gid} {SERVICE_USER}"
        return Row(check, CheckStatus.FAIL, f"its group {service.pw_gid} has no name", fix)
    members = [name for name in group.gr_mem if name != service.pw_name]
    detail = f"{service.pw_name}; commands for root"
    if members:
        detail += f" and {', '.join(members)}"
    return Row(check, CheckStatus.OK, detail)


def ownership_row(state_dir: Path, service: struct_passwd) -> Row:
    """Return whether the service may write everything in its state directory."""
    check = "ownership"
    if not state_dir.is_dir():
        return Row(check, CheckStatus.FAIL, f"no {state_dir}", "systemd-tmpfiles --create")
    found = state_dir.stat()
    name = service.pw_name
    if (found.st_uid, found.st_gid) != (service.pw_uid, service.pw_gid):
        detail = f"{state_dir} is not {name}'s"
        return Row(check, CheckStatus.FAIL, detail, f"chown -R {name}:{name} {state_dir}")
    foreign = sorted(_foreign(state_dir, service))
    if foreign:
        more = f" and {len(foreign) - _NAMED} more" if len(foreign) > _NAMED else ""
        detail = f"not writable for the service: {', '.join(foreign[:_NAMED])}{more}"
        return Row(check, CheckStatus.FAIL, detail, f"chown -R {name}:{name} {state_dir}")
    if stat.S_IMODE(found.st_mode) & _SHARED != _SHARED:
        detail = f"{state_dir} is not shared with the group {name}"
        return Row(check, CheckStatus.WARN, detail, f"chmod 2770 {state_dir}")
    return Row(check, CheckStatus.OK, f"everything in {state_dir} is the service's")


def _foreign(state_dir: Path, service: struct_passwd) -> Iterator[str]:
    """Yield what the service could not write: not its own, and not shared with its group."""
    for directory, names, files in os.walk(state_dir):
        for name in (*names, *files):
            path = Path(directory, name)
            try:
                found = path.lstat()
            except FileNotFoundError:
                # Gone since the listing.
                continue
            shared = found.st_gid == service.pw_gid and found.st_mode & stat.S_IWGRP
            if found.st_uid != service.pw_uid and (found.st_uid == 0 or not shared):
                yield str(path.relative_to(state_dir))


def config_row(path: Path, service: struct_passwd) -> Row:
    """Return whether the services can read the configuration, and nobody else."""
    check = "configuration file"
    if not path.exists():
        return Row(check, CheckStatus.SKIP, f"no {path}: everything is at its default")
    found = path.stat()
    fix = f"chown root:{service.pw_name} {path} && chmod 640 {path}"
    readable = (
        (found.st_uid == service.pw_uid and found.st_mode & stat.S_IRUSR)
        or (found.st_gid == service.pw_gid and found.st_mode & stat.S_IRGRP)
        or found.st_mode & stat.S_IROTH
    )
    if not readable:
        return Row(check, CheckStatus.FAIL, f"the services cannot read {path}", fix)
    if found.st_mode & _OTHERS:
        return Row(check, CheckStatus.WARN, f"everybody may read {path}", fix)
    return Row(check, CheckStatus.OK, f"{path}, for root and the group {service.pw_name}")


def credentials_row(directory: Path) -> Row:
    """Return whether the secrets are root's alone."""
    check = "credentials"
    if not directory.is_dir():
        return Row(check, CheckStatus.SKIP, "none stored", "polybot init")
    found = directory.stat()
    fix = f"chown -R root:root {directory} && chmod -R go= {directory}"
    if found.st_uid != 0 or found.st_mode & _ANYBODY_ELSE:
        return Row(check, CheckStatus.FAIL, f"others than root may read {directory}", fix)
    if not os.access(directory, os.R_OK | os.X_OK):
        return Row(check, CheckStatus.OK, f"{directory}, root's alone")
    stored = sorted(path for path in directory.iterdir() if path.is_file())
    exposed = [path.name for path in stored if path.stat().st_mode & _ANYBODY_ELSE]
    if exposed:
        return Row(check, CheckStatus.FAIL, f"others may read {', '.join(exposed)}", fix)
    plain = [path.name for path in stored if path.suffix != ".cred"]
    if plain:
        fix = "polybot secret set stores each of them anew"
        return Row(check, CheckStatus.WARN, f"unencrypted: {', '.join(plain)}", fix)
    return Row(check, CheckStatus.OK, f"{plural(len(stored), 'secret')}, root's alone")
