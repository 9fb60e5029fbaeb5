"""Installing, upgrading, going back: what is switched, in which order, what a failure leaves."""

import fcntl
import os

import pytest

from polybot.extras.installer import install as installing
from polybot.extras.installer import steps
from polybot.extras.installer.install import Wish, install, rollback
from polybot.extras.installer.places import SERVICES
from polybot.extras.installer.steps import Trouble
from polybot.extras.installer.uninstall import uninstall
from polybot.extras.installer.units import ENABLED
from tests.unit.extras.installer.machine_stand_in import Stand


def make(stand: Stand, *, live: bool = False) -> None:
    install(stand.places, Wish(stand.clone, live=live))


def test_a_first_installation_is_whole(stand: Stand, capsys: pytest.CaptureFixture[str]) -> None:
    make(stand)

    places, name = stand.places, stand.current()
    assert name.startswith("1.2.0+")
    assert stand.releases() == {name, "current"}
    assert (places.commands / "polybot").readlink() == places.current / "bin/polybot"
    assert (places.configuration / "polybot.toml").read_text() == "# of this clone\n"
    assert (places.configuration / "polybot.toml.sample").read_text() == "# the sample of first\n"
    assert (places.units / "polybot-trader.service").is_file()
    assert (places.units / "polybot-.service.d/10-common.conf").is_file()
    assert places.sysusers.is_file()
    assert places.tmpfiles.is_file()
    calls = stand.calls()
    enabled = [call for call in calls if " enable " in call or "restart" in call]
    assert enabled == [f"systemctl --quiet enable {' '.join(ENABLED)}"]
    told = capsys.readouterr().out
    assert "systemctl start polybot.target" in told
    assert "warn  disk: little room" in told


def test_the_same_again_builds_nothing_and_restarts_nothing(
    stand: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    make(stand)
    stand.behave("ACTIVE", "yes")
    (stand.clone / ".ci/build-venv").write_text("#!/bin/sh\nexit 1\n")
    stand.calls()

    make(stand)

    assert "is built already" in capsys.readouterr().out
    assert not [call for call in stand.calls() if "restart" in call or "backup create" in call]


def test_an_upgrade_backs_up_before_and_restarts_the_trader_last(stand: Stand) -> None:
    make(stand)
    first = stand.current()
    journal = stand.places.state / "trader/journal-1.log"
    journal.parent.mkdir()
    journal.touch()
    stand.behave("ACTIVE", "yes")
    stand.calls()
    stand.change("second")

    make(stand)

    assert stand.current() != first
    assert stand.places.previous.readlink().name == first
    calls = stand.calls()
    restarts = [call.split()[-1] for call in calls if call.startswith("systemctl restart")]
    assert restarts == [f"polybot-{name}.service" for name in SERVICES]
    assert restarts[-1] == "polybot-trader.service"
    target = f"{stand.places.state}/backups/before-{stand.current()}.tar.zst"
    backup = next(call for call in calls if call.endswith(f"backup create --out {target}"))
    assert backup.startswith("runuser -u polybot -- ")
    # The program that made the state reads it.
    assert f"/{first}/" in backup
    assert calls.index(backup) < calls.index("systemctl daemon-reload")


def test_the_newest_two_backups_of_upgrades_are_kept_and_every_other_file(stand: Stand) -> None:
    make(stand)
    (stand.places.state / "trader").mkdir()
    (stand.places.state / "trader/journal-1.log").touch()
    backups = stand.places.state / "backups"
    backups.mkdir()
    own = {"before-upgrade.tar.zst", "polybot-synthetic-2026-11-21T021500Z.tar.zst"}
    for name in own:
        (backups / name).touch()
    made = []
    for text in ("second", "third", "second", "fourth"):
        stand.change(text)
        make(stand)
        made.append(f"before-{stand.current()}.tar.zst")

    assert {path.name for path in backups.iterdir()} == {*own, *made[-2:]}


def restarted(stand: Stand) -> list[str]:
    return [call.split()[-1] for call in stand.calls() if call.startswith("systemctl restart")]


def test_an_upgrade_does_not_start_what_was_stopped(
    stand: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    make(stand)
    stand.behave("ACTIVE", "yes")
    stand.behave("STOPPED", "polybot-trader.service")
    stand.behave("FAILED", "polybot-tracker.service")
    # systemd refuses to restart it, although it runs.
    stand.behave("MASKED", "polybot-watchdog.service")
    stand.change("second")
    stand.calls()

    make(stand)

    calls = stand.log.read_text()
    assert restarted(stand) == [f"polybot-{name}.service" for name in ("simulator", "reflector")]
    # The target would start them, too; it is not enabled again either.
    assert " start polybot.target" not in calls
    assert " enable " not in calls
    told = capsys.readouterr().out
    assert "left stopped: polybot-tracker.service, polybot-trader.service" in told
    assert "left as it runs: polybot-watchdog.service is masked" in told


def test_nothing_starts_where_nothing_runs(
    stand: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    make(stand)
    stand.change("second")
    stand.calls()

    make(stand)

    assert not [call for call in stand.calls() if {"start", "restart"} & set(call.split())]
    assert "left stopped" not in capsys.readouterr().out


def test_what_an_interrupted_restart_left_is_restarted_by_the_next(stand: Stand) -> None:
    make(stand)
    stand.behave("ACTIVE", "yes")
    # A process that has no library of the release in its memory.
    stand.behave("PID", str(os.getpid()))
    stand.calls()

    make(stand)

    assert restarted(stand) == [f"polybot-{name}.service" for name in SERVICES]


def test_an_interruption_after_the_switch_says_what_runs_the_old_one(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make(stand)
    stand.behave("ACTIVE", "yes")
    stand.behave("PID", str(os.getpid()))
    stand.change("second")

    def interrupted(*words: object) -> str:
        if words[:2] == ("systemctl", "restart"):
            raise KeyboardInterrupt
        return steps.run(*map(str, words))

    monkeypatch.setattr(installing, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make(stand)

    told = capsys.readouterr().out
    assert f"{stand.current()} is in use; with the old one still: polybot-simulator" in told
    assert "make install again" in told


def test_what_a_person_configured_is_kept_and_a_new_sample_said(
    stand: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    make(stand)
    config = stand.places.configuration / "polybot.toml"
    config.write_text("# mine\n")
    stand.change("second")

    make(stand)

    assert config.read_text() == "# mine\n"
    assert (config.parent / "polybot.toml.sample").read_text() == "# the sample of second\n"
    assert "polybot.toml.sample is new: compare it" in capsys.readouterr().out


def test_only_the_release_in_use_and_the_one_before_stay(stand: Stand) -> None:
    names = []
    for text in ("first", "second", "third"):
        stand.change(text)
        make(stand)
        names.append(stand.current())

    assert stand.releases() == {names[1], names[2], "current", "previous"}


def test_what_is_no_release_is_not_pruned(stand: Stand) -> None:
    own = stand.places.releases / "src"
    own.mkdir(parents=True)
    (own / "RELEASE").touch()
    make(stand)

    assert own.exists()


def test_a_release_that_cannot_go_on_leaves_everything_as_it_was(stand: Stand) -> None:
    make(stand)
    first, units = stand.current(), stand.places.units
    unit = (units / "polybot-trader.service").read_bytes()
    stand.change("second")
    (stand.clone / "systemd/polybot-trader.service").write_text("[Service]\n")
    stand.behave("TRIAL", "fails")

    with pytest.raises(Trouble, match=r"(?s)nothing was changed:\n1 problem"):
        make(stand)

    assert stand.releases() == {first, "current"}
    assert stand.current() == first
    assert (units / "polybot-trader.service").read_bytes() == unit


def test_a_first_configuration_that_is_wrong_is_not_left_behind(stand: Stand) -> None:
    stand.behave("TRIAL", "fails")

    with pytest.raises(Trouble):
        make(stand)

    assert not (stand.places.configuration / "polybot.toml").exists()
    assert stand.releases() == set()


def test_a_process_that_does_not_come_back_is_said_with_the_way_back(stand: Stand) -> None:
    make(stand)
    stand.behave("ACTIVE", "yes")
    stand.behave("BROKEN", "polybot-tracker.service")
    stand.change("second")

    with pytest.raises(Trouble, match=r"(?s)it broke\n.*make rollback"):
        make(stand)


def test_going_back_swaps_the_two_releases_and_restarts(stand: Stand) -> None:
    make(stand)
    first = stand.current()
    stand.change("second")
    make(stand)
    second = stand.current()
    stand.behave("ACTIVE", "yes")
    stand.behave("STOPPED", "polybot-trader.service")
    # The newer release may have brought it down.
    stand.behave("FAILED", "polybot-tracker.service")
    stand.calls()

    rollback(stand.places)

    assert (stand.current(), stand.places.previous.readlink().name) == (first, second)
    assert restarted(stand) == [f"polybot-{name}.service" for name in SERVICES[:-1]]


def test_going_back_is_refused_when_the_older_program_cannot_go_on(stand: Stand) -> None:
    make(stand)
    stand.change("second")
    make(stand)
    second = stand.current()
    stand.behave("TRIAL", "fails")

    with pytest.raises(Trouble, match="cannot go on"):
        rollback(stand.places)

    assert stand.current() == second


def test_there_is_no_way_back_from_a_first_installation(stand: Stand) -> None:
    make(stand)
    with pytest.raises(Trouble, match="expected a release to go back to"):
        rollback(stand.places)


def test_two_installers_at_once_are_one_too_many(stand: Stand) -> None:
    stand.places.releases.mkdir(parents=True)
    with stand.places.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Trouble, match="expected no other installer"):
            make(stand)
        with pytest.raises(Trouble, match="expected no other installer"):
            uninstall(stand.places, purge=False)


def test_the_exchanges_client_is_added_to_a_release_that_is_there(
    stand: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    make(stand)
    name = stand.current()

    make(stand, live=True)
    make(stand, live=True)

    assert stand.current() == name
    assert (stand.places.current / ".venv-live/bin/python").exists()
    assert "client is there already" in capsys.readouterr().out
