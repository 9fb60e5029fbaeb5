"""The doctor finds what would stop an installation's services, and says how to mend it."""

import os
import pwd
from pathlib import Path

import pytest

from polybot.cli import installation_checks
from polybot.cli.checks import CheckStatus
from polybot.cli.installation_checks import (
    config_row,
    credentials_row,
    installation_rows,
    members_row,
    ownership_row,
)
from polybot.config.load import load
from tests.forked import GROUP, MEMBER, SERVICE, needs_root

SERVICE_USER = pwd.struct_passwd(("polybot", "x", SERVICE, GROUP, "", "/var/lib/polybot", ""))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    path = tmp_path / "state"
    (path / "tracker").mkdir(parents=True)
    (path / "tracker" / "ledger.sqlite").write_text("")
    for each in (path, path / "tracker", path / "tracker" / "ledger.sqlite"):
        os.chown(each, SERVICE, GROUP)
    path.chmod(0o2770)
    return path


@needs_root
def test_a_state_directory_that_is_the_services_is_fine(state: Path) -> None:
    assert ownership_row(state, SERVICE_USER).status is CheckStatus.OK


@needs_root
def test_a_file_of_roots_would_stop_the_service(state: Path) -> None:
    shm = state / "tracker" / "ledger.sqlite-shm"
    shm.write_text("")
    shm.chmod(0o660)
    os.chown(shm, 0, GROUP)
    row = ownership_row(state, SERVICE_USER)
    assert row.status is CheckStatus.FAIL
    assert row.detail == "not writable for the service: tracker/ledger.sqlite-shm"
    assert row.fix == f"chown -R polybot:polybot {state}"


@needs_root
def test_a_members_file_is_fine_only_when_the_group_may_write_it(state: Path) -> None:
    path = state / "arming.json"
    path.write_text("")
    os.chown(path, MEMBER, GROUP)
    path.chmod(0o660)
    assert ownership_row(state, SERVICE_USER).status is CheckStatus.OK
    path.chmod(0o640)
    assert ownership_row(state, SERVICE_USER).status is CheckStatus.FAIL
    path.chmod(0o660)
    os.chown(path, MEMBER, MEMBER)
    assert ownership_row(state, SERVICE_USER).status is CheckStatus.FAIL


@needs_root
def test_many_files_of_others_are_counted(state: Path) -> None:
    for name in "abcde":
        (state / name).write_text("")
    row = ownership_row(state, SERVICE_USER)
    assert row.detail == "not writable for the service: a, b, c and 2 more"


@needs_root
def test_the_state_directory_itself_must_be_the_services_and_shared(state: Path) -> None:
    state.chmod(0o700)
    row = ownership_row(state, SERVICE_USER)
    assert (row.status, row.fix) == (CheckStatus.WARN, f"chmod 2770 {state}")
    os.chown(state, 0, 0)
    assert ownership_row(state, SERVICE_USER).status is CheckStatus.FAIL
    row = ownership_row(state / "absent", SERVICE_USER)
    assert (row.status, row.fix) == (CheckStatus.FAIL, "systemd-tmpfiles --create")


@needs_root
@pytest.mark.parametrize(
    ("owner", "group", "mode", "status"),
    [
        (0, GROUP, 0o640, CheckStatus.OK),
        (SERVICE, 0, 0o600, CheckStatus.OK),
        (0, 0, 0o640, CheckStatus.FAIL),
        (0, GROUP, 0o600, CheckStatus.FAIL),
        (0, 0, 0o644, CheckStatus.WARN),
    ],
)
def test_the_services_can_read_the_configuration_and_others_cannot(
    tmp_path: Path, owner: int, group: int, mode: int, status: CheckStatus
) -> None:
    path = tmp_path / "polybot.toml"
    assert config_row(path, SERVICE_USER).status is CheckStatus.SKIP
    path.write_text("")
    os.chown(path, owner, group)
    path.chmod(mode)
    row = config_row(path, SERVICE_USER)
    assert row.status is status
    if status is not CheckStatus.OK:
        assert row.fix == f"chown root:polybot {path} && chmod 640 {path}"


@needs_root
def test_credentials_are_roots_alone(tmp_path: Path) -> None:
    directory = tmp_path / "credentials"
    assert credentials_row(directory).status is CheckStatus.SKIP
    directory.mkdir(mode=0o700)
    secret = directory / "openai_api_key.cred"
    secret.write_text("x")
    secret.chmod(0o600)
    row = credentials_row(directory)
    assert (row.status, row.detail) == (CheckStatus.OK, "1 secret, root's alone")
    secret.chmod(0o644)
    assert credentials_row(directory).status is CheckStatus.FAIL
    secret.chmod(0o600)
    directory.chmod(0o750)
    assert credentials_row(directory).status is CheckStatus.FAIL
    directory.chmod(0o700)
    os.chown(directory, SERVICE, 0)
    assert credentials_row(directory).status is CheckStatus.FAIL


@needs_root
def test_an_unencrypted_secret_is_pointed_out(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    plain = tmp_path / "openai_api_key"
    plain.write_text("sk-1")
    plain.chmod(0o600)
    row = credentials_row(tmp_path)
    assert (row.status, row.detail) == (CheckStatus.WARN, "unencrypted: openai_api_key")


def test_a_group_without_a_name_is_a_failure() -> None:
    assert members_row(SERVICE_USER).status is CheckStatus.FAIL
    here = pwd.getpwuid(os.getuid())
    assert members_row(here).status is CheckStatus.OK


def test_a_clone_has_no_such_rows(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del state_dir
    loaded = load()
    assert list(installation_rows(loaded)) == []
    monkeypatch.setattr(installation_checks, "is_service_floor", lambda _: True)
    monkeypatch.setattr(installation_checks, "service_user", lambda: SERVICE_USER)
    checks = [row.check for row in installation_rows(loaded)]
    assert checks == ["service user", "ownership", "configuration file", "credentials"]
