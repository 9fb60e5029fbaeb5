"""A machine under a temporary root, and a small clone: what the installer's tests install."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from polybot.extras.installer import machine
from polybot.extras.installer.places import Places

ROOT = Path(__file__).resolve().parents[4]

# Builds an environment as .ci/build-venv does, without a package: what it is given says so.
BUILD_VENV = f"""#!/bin/sh
set -e
[ "$1" = --bare ]
{sys.executable} -m venv --without-pip "$2"
pwd -P > "$2/.home"
printf '#!%s/bin/python\\n' "$2" > "$2/bin/tool"
"""
# The sample, the trial, the doctor and the backup, told apart by the module.
PROGRAM = """
import pathlib, sys
release = pathlib.Path(__file__).resolve().parents[2]
if sys.argv[1:] == ["config", "schema", "--format", "toml"]:
    print("# the sample of", (release / "README.md").read_text().strip())
elif sys.argv[1:2] == ["doctor"]:
    print('[{"check": "disk", "status": "warn", "detail": "little room", "fix": ""}]')
elif "--out" in sys.argv:
    pathlib.Path(sys.argv[-1]).parent.mkdir(exist_ok=True)
    with open(sys.argv[-1], "x"):
        print(sys.argv[-1])
else:
    print("made by", release.name)
"""
TRIAL = """
import os, sys
if os.environ.get("STAND_IN_TRIAL"):
    sys.exit("1 problem in the configuration")
"""
# Notes each call; `is-active` and `is-enabled` say what a test wrote, `runuser -u x -- command`
# runs the command.
TOOL = """#!/bin/sh
echo "$(basename "$0") $*" >> "$STAND_IN_LOG"
case "$(basename "$0") $1" in
  "systemctl is-active")
    for unit; do :; done
    case " $STAND_IN_STOPPED " in *" $unit "*) echo inactive; exit 3 ;; esac
    case " $STAND_IN_FAILED " in *" $unit "*) echo failed; exit 3 ;; esac
    [ "$STAND_IN_ACTIVE" = yes ] || { echo inactive; exit 3; }
    echo active ;;
  "systemctl is-enabled")
    shift
    for unit; do
      case " $STAND_IN_MASKED " in *" $unit "*) echo masked; continue ;; esac
      case " $STAND_IN_DISABLED " in *" $unit "*) echo disabled; continue ;; esac
      echo enabled
    done ;;
  "systemctl show") echo "${STAND_IN_PID:-0}" ;;
  "systemctl restart") [ "$STAND_IN_BROKEN" != "$2" ] || { echo "it broke"; exit 1; } ;;
  "runuser -u") shift 3; exec "$@" ;;
  "getent passwd")
    [ -n "$STAND_IN_HOME" ] && ! grep -q ^userdel "$STAND_IN_LOG" || exit 2
    echo "polybot:x:999:999::$STAND_IN_HOME:/usr/sbin/nologin" ;;
esac
"""
TOOLS = (
    *("systemctl", "systemd-sysusers", "systemd-tmpfiles", "systemd-analyze"),
    *("runuser", "getent", "userdel", "groupdel"),
)


class Stand:
    """The places of a machine, a clone, and what was asked of the machine's programs."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.places = Places(root / "machine")
        self.clone = root / "clone"
        self.log = root / "log"
        self.log.touch()
        _make_machine(self.places)
        _make_clone(self.clone)
        _make_tools(root / "tools")
        monkeypatch.setenv("PATH", f"{root / 'tools'}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("STAND_IN_LOG", str(self.log))
        # A test need not be root, and the services' user is not on this machine.
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        monkeypatch.setattr(shutil, "chown", lambda *_: None)
        monkeypatch.setattr(machine, "RELEASE_MB", 1)
        monkeypatch.setattr(machine, "STATE_MB", 1)

    def change(self, text: str) -> None:
        """Make the clone another release."""
        (self.clone / "README.md").write_text(text)

    def behave(self, name: str, value: str) -> None:
        """Have the stand-ins behave in a way."""
        self.monkeypatch.setenv(f"STAND_IN_{name}", value)

    def calls(self) -> list[str]:
        """Return what the machine's programs were called with, and forget it."""
        told = self.log.read_text().splitlines()
        self.log.write_text("")
        return told

    def current(self) -> str:
        """Return the name of the release in use."""
        return self.places.current.readlink().name

    def releases(self) -> set[str]:
        """Return what is under /opt/polybot, the lock left out."""
        return {path.name for path in self.places.releases.iterdir()}


def _make_machine(places: Places) -> None:
    for path in ("run/systemd/system", "etc", "var/lib/polybot", "run/polybot", "etc/polybot"):
        (places.root / path).mkdir(parents=True, exist_ok=True)
    (places.root / "etc/os-release").write_text('ID=debian\nVERSION_ID="12"\n')
    places.state.chmod(0o2770)
    places.runtime.chmod(0o2770)
    places.configuration.chmod(0o750)


def _make_clone(clone: Path) -> None:
    files = {
        ".ci/build-venv": BUILD_VENV,
        "polybot/__init__.py": '__version__ = "1.2.0"\n',
        "polybot/cli/__init__.py": "",
        "polybot/cli/main.py": PROGRAM,
        "polybot/cli/trial.py": TRIAL,
        "bin/polybot": "#!/bin/sh\n",
        "bin/polybot-guard": "#!/bin/sh\n",
        "config/polybot.toml": "# of this clone\n",
        "config/requirements-live.txt": "client==1.0\n",
        "docs/index.md": "# docs\n",
        "requirements.txt": "",
        "README.md": "first",
        "CHANGELOG.md": "changes",
        "LICENSE": "license",
    }
    for name, text in files.items():
        path = clone / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (clone / ".ci/build-venv").chmod(0o755)
    shutil.copytree(ROOT / "systemd", clone / "systemd")


def _make_tools(directory: Path) -> None:
    directory.mkdir()
    for name in TOOLS:
        (directory / name).write_text(TOOL)
        (directory / name).chmod(0o755)
