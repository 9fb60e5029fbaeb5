"""Tests of systemd's units, seen through a systemctl that answers from files.

The real one is asked in the system tests, where systemd runs.
"""

from pathlib import Path

import pytest

from polybot.adapters.service_units import ServiceUnits, Unit
from polybot.errors import PolybotError

# `show` prints one block a unit as systemd does; `stop` writes what is said of them then.
SCRIPT = """#!/bin/sh
cd "$(dirname "$0")" || exit 1
echo "$@" >> asked
case $1 in
show)
    for unit in units/*; do
        [ -e "$unit" ] || continue
        read -r state pid < "$unit"
        printf 'Id=%s\\nActiveState=%s\\nMainPID=%s\\n\\n' "${unit#units/}" "$state" "$pid"
    done ;;
stop)
    [ -z "@REFUSES@" ] || { echo "@REFUSES@" >&2; exit 4; }
    sleep @TAKES@
    for unit in units/*; do echo "@AFTER@" > "$unit"; done ;;
esac
"""


def systemctl(
    directory: Path,
    *,
    after_stop: str = "inactive 0",
    refuses: str = "",
    takes: str = "0",
    **units: str,
) -> ServiceUnits:
    """Return units whose states are "ActiveState MainPID", by process."""
    (directory / "units").mkdir(exist_ok=True)
    for name, state in units.items():
        (directory / "units" / f"polybot-{name}.service").write_text(f"{state}\n")
    program = directory / "systemctl"
    text = SCRIPT.replace("@AFTER@", after_stop).replace("@REFUSES@", refuses)
    program.write_text(text.replace("@TAKES@", takes))
    program.chmod(0o755)
    return ServiceUnits(str(program))


def test_units_are_read_with_state_and_pid(tmp_path: Path) -> None:
    units = systemctl(tmp_path, trader="active 12", backup="inactive 0", tracker="deactivating 9")
    assert units.units() == [
        Unit("polybot-backup.service", "inactive", 0),
        Unit("polybot-tracker.service", "deactivating", 9),
        Unit("polybot-trader.service", "active", 12),
    ]
    assert [unit.name for unit in units.running()] == [
        "polybot-tracker.service",
        "polybot-trader.service",
    ]


def test_without_units_there_is_none(tmp_path: Path) -> None:
    assert systemctl(tmp_path).units() == []


def test_target_and_services_are_stopped_together_and_whoever_waits_is_told(
    tmp_path: Path,
) -> None:
    units = systemctl(tmp_path, takes="0.3", trader="active 12")
    told: list[float] = []
    units.stop(patience_s=30, told=told.append)
    assert told
    assert told == sorted(told)
    assert units.running() == []
    asked = (tmp_path / "asked").read_text()
    assert "stop polybot.target polybot-*.service\n" in asked


def test_a_refusal_is_told_in_systemd_s_words(tmp_path: Path) -> None:
    units = systemctl(tmp_path, refuses="Access denied", trader="active 12")
    with pytest.raises(PolybotError, match="could not stop the floor: Access denied"):
        units.stop(patience_s=30, told=lambda _: None)


def test_patience_ends(tmp_path: Path) -> None:
    units = systemctl(tmp_path, takes="30", trader="active 12")
    with pytest.raises(PolybotError, match="expected the services to end within 0 s"):
        units.stop(patience_s=0.2, told=lambda _: None)


def test_without_systemd_it_says_so(tmp_path: Path) -> None:
    units = ServiceUnits(str(tmp_path / "none"))
    for ask in (units.units, lambda: units.stop(patience_s=1, told=lambda _: None)):
        with pytest.raises(PolybotError, match="expected systemd to tell"):
            ask()
