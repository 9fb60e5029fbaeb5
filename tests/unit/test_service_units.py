"""The systemd units: what each must say, what its page says, and what systemd thinks of it."""

import configparser
import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from polybot.config.locations import ALLOCATOR, PROCESSES
from polybot.config.schema import Config

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / "systemd"
PAGE = ROOT / "docs" / "reference" / "units.md"
COMMON = UNITS / "polybot-.service.d" / "10-common.conf"
JOBS = ("cleanup", "backup", "report")
OFFLINE = ("cleanup", "backup")
CHATS = {"telegram_bot_token", "telegram_chat_id", "slack_webhook_url", "discord_webhook_url"}
# Exposure by systemd-analyze security: 0 is nothing, 10 everything.
MOST_ONLINE, MOST_OFFLINE = 1.2, 0.6
# Others may weigh differently; the limits hold for them too.
MEASURED_BY = b"systemd 252 "
Unit = dict[str, list[str]]


def read(path: Path) -> Unit:
    """Return a unit file's settings by name, each with all its values in order."""
    found: Unit = defaultdict(list)
    for line in path.read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[name].append(value)
    return found


def service(name: str) -> Unit:
    return read(UNITS / f"polybot-{name}.service")


def seconds(value: str) -> float:
    return float(value.removesuffix("ms")) / 1000 if value.endswith("ms") else float(value)


def supervised(process: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=(";",))
    parser.read(ROOT / "config" / "supervisord.conf")
    return parser[f"program:{process}"]


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_is_watched_started_again_and_never_bound_to_another(process: str) -> None:
    unit = service(process)

    assert unit["Type"] == ["notify"]
    assert unit["NotifyAccess"] == ["main"]
    assert unit["Restart"] == ["always"]
    assert unit["RestartPreventExitStatus"] == ["78"]
    assert unit["StartLimitIntervalSec"] == ["60"]
    assert unit["StartLimitBurst"] == ["20"]
    assert unit["OnFailure"] == ["polybot-alert@%N.service"]
    assert unit["PartOf"] == unit["WantedBy"] == ["polybot.target"]
    assert not {"BindsTo", "Requires", "Requisite", "Wants", "StateDirectory"} & unit.keys()
    for needed in ("MemoryMax", "TasksMax", "CPUWeight", "OOMPolicy", "TimeoutStopSec"):
        assert unit[needed], needed


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_is_run_as_under_supervisord(process: str) -> None:
    unit, program = service(process), supervised(process)

    command = program["command"].replace('"%(ENV_POLYBOT_FLOOR_PYTHON)s"', "")
    assert unit["ExecStart"] == [f"/opt/polybot/current/.venv/bin/python{command}"]
    told = re.search(r'WATCHDOG_USEC="(\d+)"', program["environment"])
    assert told is not None
    assert seconds(unit["WatchdogSec"][0]) * 1e6 == int(told.group(1))
    assert program["autorestart"] == "true"


def test_the_fence_shuts_a_silent_trader_out_before_systemd_aborts_it() -> None:
    assert seconds(service("trader")["WatchdogSec"][0]) > Config().watchdog.fence_s


def test_a_trader_is_started_again_without_a_pause() -> None:
    # Any other pause is rounded up to 250 ms by systemd's timers.
    assert service("trader")["RestartSec"] == ["0"]


def test_only_the_simulator_may_be_skipped() -> None:
    asked = "/opt/polybot/current/.venv/bin/python -P -m polybot.cli.run --needed simulator"
    conditions = {process: service(process)["ExecCondition"] for process in PROCESSES}
    assert {name: value for name, value in conditions.items() if value} == {"simulator": [asked]}


def test_what_all_share_does_not_override_what_one_says() -> None:
    # systemd reads a drop-in after the unit: its single values win, its lists are appended.
    lists = {"After", "Environment", "SystemCallFilter", "ReadWritePaths"}
    common = read(COMMON).keys() - lists
    for path in UNITS.glob("*.service"):
        assert read(path).keys() & common == set(), path.name


def test_what_all_share() -> None:
    common = read(COMMON)
    allocator = " ".join(f"{name}={value}" for name, value in ALLOCATOR.items())
    assert allocator in common["Environment"]
    assert common["UMask"] == ["0007"]
    # libzmq's call is faked last, after everything it would be among.
    assert common["SystemCallFilter"][-1] == "~sched_setscheduler:0"


def credentials_of(path: Path) -> set[str]:
    unit, found = read(path), set()
    defaults = unit["SetCredential"]
    for line in unit["LoadCredentialEncrypted"]:
        name, _, file = line.partition(":")
        assert file == f"/etc/polybot/credentials/{name}.cred"
        # Without a default, a secret that nobody stored would keep the unit from starting; systemd
        # ignores an empty one.
        assert rf"{name}:\n" in defaults
        found.add(name)
    assert len(defaults) == len(found)
    return found


def test_a_secret_goes_to_the_unit_that_needs_it() -> None:
    given = {path.stem: credentials_of(path) for path in UNITS.glob("*.service")}

    assert {name: names for name, names in given.items() if names} == {
        "polybot-trader": {"polymarket_private_key"},
        "polybot-reflector": {"openai_api_key"},
        "polybot-watchdog": CHATS,
        "polybot-report": CHATS,
        "polybot-alert@": CHATS,
    }


@pytest.mark.parametrize("job", JOBS)
def test_a_job_has_a_timer_that_catches_up_and_stops_with_the_floor(job: str) -> None:
    timer = read(UNITS / f"polybot-{job}.timer")

    assert timer["Persistent"] == ["true"]
    assert timer["RandomizedDelaySec"] == ["60"]
    assert timer["PartOf"] == timer["WantedBy"] == ["polybot.target"]
    # A stop of the floor must not cut a backup short.
    assert "PartOf" not in service(job)
    assert service(job)["OnFailure"] == ["polybot-alert@%N.service"]


@pytest.mark.parametrize("job", OFFLINE)
def test_a_job_that_needs_no_network_has_none(job: str) -> None:
    unit = service(job)
    assert unit["PrivateNetwork"] == ["yes"]
    assert unit["IPAddressDeny"] == ["any"]
    assert unit["RestrictAddressFamilies"] == ["AF_UNIX"]


def test_an_alert_needs_nothing_of_the_installation_but_one_file() -> None:
    command = read(UNITS / "polybot-alert@.service")["ExecStart"]
    guard = "/opt/polybot/current/polybot/extras/guard.py"
    assert command == [f"/usr/bin/python3 -I -S {guard} alert --unit %i"]
    assert (ROOT / "polybot" / "extras" / "guard.py").is_file()


def rows_of_page() -> dict[str, list[str]]:
    """Return the cells of the page's tables of units, by unit."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| `polybot-")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0].strip("`"): row[1:] for row in cells}


def test_the_page_says_what_each_unit_says() -> None:
    rows = rows_of_page()
    assert rows.keys() == {path.name for path in UNITS.glob("*.service")}
    for name, (_, when, memory, network, _) in rows.items():
        unit = read(UNITS / name)
        assert memory == unit["MemoryMax"][0].replace("M", " MB"), name
        assert network == ("none" if unit["PrivateNetwork"] else "all but link-local"), name
        timer = UNITS / name.replace(".service", ".timer")
        if unit["WatchdogSec"]:
            assert when == f"{unit['WatchdogSec'][0]} s", name
        elif timer.is_file():
            assert when == read(timer)["OnCalendar"][0], name


def test_the_page_keeps_to_the_limits_of_exposure() -> None:
    for name, row in rows_of_page().items():
        offline = any(job in name for job in OFFLINE)
        assert float(row[-1]) <= (MOST_OFFLINE if offline else MOST_ONLINE), name


def analyzed(root: Path, name: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", f"--root={root}", "--no-pager", name],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", sorted(path.name for path in UNITS.glob("*.service")))
def test_systemd_finds_each_unit_as_exposed_as_the_page_says(name: str, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("EXPOSURE NOT CHECKED: no systemd-analyze here; apt-get install -y systemd")
    target = tmp_path / "etc" / "systemd" / "system"
    shutil.copytree(UNITS, target)

    done = analyzed(tmp_path, name.replace("@", "@polybot-trader"))

    found = re.search(r"Overall exposure level for \S+: (\d+\.\d)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    version = subprocess.run(["systemd-analyze", "--version"], capture_output=True, check=True)
    if version.stdout.startswith(MEASURED_BY):
        assert found.group(1) == rows_of_page()[name][-1]
    offline = any(job in name for job in OFFLINE)
    assert float(found.group(1)) <= (MOST_OFFLINE if offline else MOST_ONLINE)
    # What systemd does not understand it ignores, aloud.
    assert done.stderr == ""
