"""Who a command runs as; what changes the process itself runs in a forked one."""

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from polybot.cli import held_secrets, identity
from polybot.cli.exits import Refused
from polybot.cli.identity import (
    ROOT_ONLY,
    SECRETS,
    acting_as_service,
    become,
    give_back,
    hand_to_group,
    is_service_floor,
    sees_secrets,
    settle,
)
from polybot.config.locations import Installation, Locations
from tests.forked import GROUP, MEMBER, SERVICE, STRANGER, in_fork, needs_root, open_way_to
from tests.forked import become as become_user

SERVICE_USER = pwd.struct_passwd(
    ("polybot", "x", SERVICE, GROUP, "", "/var/lib/polybot", "/usr/sbin/nologin")
)
CLONE = Installation(root=Path("/srv/polybot"), is_clone=True)
INSTALLED = Installation(root=Path("/etc/polybot"), is_clone=False)


def umask_now() -> int:
    before = os.umask(0o077)
    os.umask(before)
    return before


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> pwd.struct_passwd:
    """Let the machine have the service's user."""
    monkeypatch.setattr(identity, "service_user", lambda: SERVICE_USER)
    monkeypatch.setattr(held_secrets, "read_secrets", lambda _: {})
    # That user is in no file of this machine.
    monkeypatch.setattr(os, "initgroups", lambda _, group: os.setgroups([group]))
    return SERVICE_USER


@pytest.fixture(autouse=True)
def same_umask() -> Iterator[None]:
    before = umask_now()
    yield
    os.umask(before)


def test_in_a_clone_files_are_private_and_nobody_changes(service: pwd.struct_passwd) -> None:
    os.umask(0o022)
    settle(["status"], {}, CLONE)
    assert umask_now() == 0o077
    assert os.geteuid() != service.pw_uid


def test_a_floor_of_ones_own_is_like_a_clone(service: pwd.struct_passwd) -> None:
    del service
    settle(["arm"], {"POLYBOT_STATE_DIR": "/srv/mine"}, INSTALLED)
    assert umask_now() == 0o077


def test_without_the_services_user_there_is_no_shared_floor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(identity, "service_user", lambda: None)
    settle(["arm"], {}, INSTALLED)
    assert umask_now() == 0o077


@needs_root
def test_root_becomes_the_services_user_for_good(service: pwd.struct_passwd) -> None:
    def work() -> Any:
        os.environ["XDG_RUNTIME_DIR"] = "/run/user/0"
        settle(["status"], {}, INSTALLED)
        try:
            os.setuid(0)
        except PermissionError:
            back = "refused"
        return [
            *(os.getresuid(), os.getresgid(), os.getgroups(), umask_now(), back),
            *(os.environ["HOME"], os.environ["USER"], os.environ.get("XDG_RUNTIME_DIR")),
        ]

    uid, gid = service.pw_uid, service.pw_gid
    assert in_fork(work) == [
        *([uid] * 3, [gid] * 3, [gid], 0o007, "refused"),
        *("/var/lib/polybot", "polybot", None),
    ]


@needs_root
@pytest.mark.parametrize(
    ("arguments", "stays"),
    [
        (["stop"], True),
        (["down", "--cancel"], True),
        (["init", "--key-stdin"], True),
        (["secret", "set", "openai_api_key"], True),
        (["backup", "create"], False),
        (["backup", "create", "--out", "/srv/last.tar.zst"], True),
        (["backup", "create", "--out=/srv/last.tar.zst"], True),
        (["backup", "restore", "last.tar.zst"], True),
        (["backup", "verify", "last.tar.zst"], True),
        (["arm"], False),
        (["run", "trader"], False),
        (["--help"], True),
        (["arm", "--help"], True),
        (["halt", "--reason", "--help", "--yes"], False),
        ([], True),
    ],
)
def test_root_stays_root_only_where_nobody_else_will_do(
    service: pwd.struct_passwd, arguments: list[str], stays: bool
) -> None:
    def work() -> int:
        settle(arguments, {}, INSTALLED)
        return os.geteuid()

    assert in_fork(work) == (0 if stays else service.pw_uid)


@needs_root
def test_a_member_of_the_group_stays_himself_and_shares_what_he_makes(
    service: pwd.struct_passwd,
) -> None:
    def work() -> Any:
        become_user(MEMBER, service.pw_gid)
        settle(["halt"], {}, INSTALLED)
        return [os.geteuid(), umask_now(), sees_secrets(INSTALLED)]

    assert in_fork(work) == [MEMBER, 0o007, False]


@needs_root
@pytest.mark.parametrize("command", ROOT_ONLY)
def test_a_member_is_told_what_needs_root_and_why(service: pwd.struct_passwd, command: str) -> None:
    def work() -> Any:
        become_user(MEMBER, service.pw_gid)
        try:
            settle(command.split(), {}, INSTALLED)
        except Refused as error:
            return str(error)
        return "allowed"

    assert in_fork(work) == f"polybot {command} needs root: {ROOT_ONLY[command]}"


@needs_root
@pytest.mark.parametrize(
    "arguments",
    [["doctor"], ["backup", "verify", "x"], ["status", "--json"], ["report"], ["disarm"]],
)
def test_a_member_may_look_and_steer(service: pwd.struct_passwd, arguments: list[str]) -> None:
    def work() -> str:
        become_user(MEMBER, service.pw_gid)
        settle(arguments, {}, INSTALLED)
        return "allowed"

    assert in_fork(work) == "allowed"


@needs_root
def test_a_stranger_is_told_how_to_become_a_member(service: pwd.struct_passwd) -> None:
    del service

    def work() -> Any:
        become_user(STRANGER, STRANGER)
        settle(["--help"], {}, INSTALLED)
        try:
            settle(["status"], {}, INSTALLED)
        except Refused as error:
            return [str(error), error.code]
        return "allowed"

    told, code = in_fork(work)
    assert code == 6
    assert told.startswith(
        "run it as root or as a member of the group polybot: usermod -aG polybot"
    )
    assert "\n" not in told


@needs_root
def test_the_service_itself_is_let_alone_but_for_what_is_roots(
    service: pwd.struct_passwd,
) -> None:
    def work() -> Any:
        become_user(service.pw_uid, service.pw_gid)
        settle(["run", "trader"], {}, INSTALLED)
        settle(["backup", "create"], {}, INSTALLED)
        try:
            settle(["secret", "list"], {}, INSTALLED)
        except Refused as error:
            return [str(error), umask_now(), sees_secrets(INSTALLED)]
        return "allowed"

    assert in_fork(work) == ["polybot secret needs root: it writes where only root may", 7, True]


@needs_root
def test_root_gives_a_command_its_secrets_and_no_other_command(
    service: pwd.struct_passwd,
    monkeypatch: pytest.MonkeyPatch,
    runtime_dir: Path,
) -> None:
    os.chown(runtime_dir, service.pw_uid, service.pw_gid)
    runtime_dir.chmod(0o2770)
    monkeypatch.setattr(identity, "INSTALLED_RUNTIME", runtime_dir)
    monkeypatch.setattr(held_secrets, "read_secrets", lambda names: dict.fromkeys(names, "s3cret"))

    def work(command: str) -> Any:
        settle([command], {}, INSTALLED)
        place = os.environ.get("CREDENTIALS_DIRECTORY")
        if place is None:
            return None
        found = {path.name: path.read_text() for path in Path(place).iterdir()}
        modes = {path.stat().st_mode & 0o777 for path in Path(place).iterdir()}
        return [found, os.stat(place).st_mode & 0o777, sorted(modes), os.stat(place).st_uid]

    assert in_fork(lambda: work("status")) is None
    found, mode, modes, owner = in_fork(lambda: work("redeem"))
    assert found == dict.fromkeys(SECRETS["redeem"], "s3cret")
    assert (mode, modes, owner) == (0o700, [0o400], service.pw_uid)


@needs_root
def test_what_root_writes_as_the_service_is_the_services(
    service: pwd.struct_passwd, tmp_path: Path
) -> None:
    open_way_to(tmp_path)
    tmp_path.chmod(0o777)

    def work() -> Any:
        with acting_as_service():
            (tmp_path / "made").write_text("")
            refused = not os.access("/proc/1/environ", os.R_OK, effective_ids=True)
        return [(tmp_path / "made").stat().st_uid, os.geteuid(), os.getegid(), refused]

    assert in_fork(work) == [service.pw_uid, 0, 0, True]


@needs_root
def test_what_root_left_is_given_back_but_nothing_a_link_names(
    service: pwd.struct_passwd, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_text("")
    state = tmp_path / "state"
    (state / "trader").mkdir(parents=True)
    (state / "trader" / "file").write_text("")
    (state / "link").symlink_to(outside)
    (state / "members").write_text("")
    os.chown(state / "members", MEMBER, GROUP)
    state.chmod(0o700)
    give_back(state)
    top = state.stat()
    assert (top.st_uid, top.st_gid) == (service.pw_uid, service.pw_gid)
    assert top.st_mode & 0o7777 == 0o2770
    assert (state / "trader").stat().st_uid == service.pw_uid
    assert (state / "trader" / "file").stat().st_gid == service.pw_gid
    assert (state / "members").stat().st_uid == MEMBER
    assert (state / "link").lstat().st_uid == service.pw_uid
    assert outside.stat().st_uid == 0


@needs_root
def test_a_configuration_of_roots_is_readable_for_the_group(
    service: pwd.struct_passwd, tmp_path: Path
) -> None:
    path = tmp_path / "polybot.toml"
    path.write_text("")
    hand_to_group(path)
    found = path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (0, service.pw_gid, 0o640)


@needs_root
def test_a_process_without_the_right_to_change_says_so(service: pwd.struct_passwd) -> None:
    def work() -> str:
        become_user(STRANGER, STRANGER)
        try:
            become(service)
        except identity.CommandError as error:
            return str(error)
        return "became"

    assert in_fork(work).startswith("expected to become the user polybot, was refused")


def test_only_the_installed_floor_is_the_groups(service: pwd.struct_passwd) -> None:
    del service

    def locations(state: str, *, is_clone: bool) -> Locations:
        return Locations(
            root=Path("/etc/polybot"),
            config_path=Path("/etc/polybot/polybot.toml"),
            state_dir=Path(state),
            runtime_dir=Path("/run/polybot"),
            is_clone=is_clone,
            floor="live",
        )

    assert is_service_floor(locations("/var/lib/polybot", is_clone=False))
    assert not is_service_floor(locations("/srv/mine", is_clone=False))
    assert not is_service_floor(locations("/var/lib/polybot", is_clone=True))


def test_it_loads_nothing_heavy() -> None:
    code = "import sys, polybot.cli.identity; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.split())
    assert not loaded & {"typer", "rich", "peewee", "zmq", "polybot.config.schema", "subprocess"}
