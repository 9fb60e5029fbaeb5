import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from polybot.bootstrap.chaos.conditions import VARIABLE
from polybot.cli.chaos.places import Places, clear_away, environment, make_places, settle_in
from polybot.config.load import load
from polybot.config.locations import LONGEST_SOCKET, SOCKET_PATH_BYTES, Installation
from tests.unit.cli.chaos.stand_in import FakeDisk
from tests.unit.cli.surroundings import KEY


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = make_places()
    settle_in(made, 7)
    yield made
    clear_away(made, None, keep=False)


def test_everything_is_in_directories_of_its_own_with_short_socket_paths(places: Places) -> None:
    for directory in (places.root, places.runtime, places.disk, places.state, places.exchange):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert len(os.fsencode(places.runtime / LONGEST_SOCKET)) < SOCKET_PATH_BYTES
    # An exchange does not share our disk.
    assert (places.state / "simulator").resolve() == places.exchange.resolve()
    assert not places.exchange.is_relative_to(places.disk)


def test_the_floor_takes_over_no_setting_key_or_chat_of_the_installation(places: Places) -> None:
    environ = environment(
        places,
        {
            "PATH": "/bin",
            "POLYBOT_CONFIG": "/etc/polybot/polybot.toml",
            "POLYBOT_STATE_DIR": "/var/lib/polybot",
            "POLYBOT__MODE": "live",
            "POLYMARKET_PRIVATE_KEY": KEY,
            "TELEGRAM_BOT_TOKEN": "token",
            "CREDENTIALS_DIRECTORY": "/run/credentials/x",
            "TRADING_MODE": "live",
        },
    )
    assert environ["PATH"] == "/bin"
    assert environ["POLYBOT_STATE_DIR"] == str(places.state)
    assert environ[VARIABLE] == str(places.conditions)
    loaded = load(environ)
    assert loaded.warnings == ()
    assert loaded.config.mode == "synthetic"
    assert loaded.config.wallet.private_key == ""
    assert loaded.config.alerts.telegram_bot_token == ""
    assert loaded.config.simulator.seed == 7
    assert loaded.locations.state_dir == places.state
    assert loaded.locations.runtime_dir == places.runtime
    assert "CREDENTIALS_DIRECTORY" not in environ


def test_what_the_dotenv_of_a_clone_sets_is_set_back(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = Installation(root=tmp_path, is_clone=True)
    monkeypatch.setattr("polybot.config.load.find_installation", lambda: clone)
    (tmp_path / ".env").write_text(
        f"POLYMARKET_PRIVATE_KEY={KEY}\nTELEGRAM_BOT_TOKEN=token\nTELEGRAM_CHAT_ID=1\n"
        "TRADING_MODE=live\nPOLYBOT__SIMULATOR__SPEED=99\nINITIAL_CAPITAL=3\n"
        "POLYBOT__TRADER__SERIES=btc-updown-15m\nPOLYBOT__TRACKER__AUDIT_ENABLED=false\n"
    )
    (tmp_path / ".env").chmod(0o600)
    config = load(environment(places, {})).config
    assert config.mode == "synthetic"
    assert config.wallet.private_key == ""
    assert config.alerts.telegram_bot_token == ""
    assert config.simulator.speed == 10
    assert config.agents[0].capital_usdc == 10_000
    assert config.trader.series == ("btc-updown-5m", "eth-updown-5m")
    assert config.tracker.audit_enabled


class Mounted(FakeDisk):
    """A disk whose files are gone when it is unmounted."""

    def unmount(self) -> None:
        shutil.rmtree(self.directory / "state")


def test_what_is_kept_of_a_small_disk_is_copied_and_the_sockets_go(places: Places) -> None:
    (places.state / "floor").write_text("synthetic")
    clear_away(places, Mounted(places.disk), keep=True)  # type: ignore[arg-type]
    assert not places.state.exists()
    assert (places.root / "state" / "floor").read_text() == "synthetic"
    assert (places.root / "state" / "simulator").is_symlink()
    assert not places.runtime.exists()


def test_what_is_kept_of_a_usual_disk_stays_where_it_is(places: Places) -> None:
    clear_away(places, None, keep=True)
    assert places.state.is_dir()


def test_what_is_not_kept_is_gone(places: Places) -> None:
    clear_away(places, None, keep=False)
    assert not places.root.exists()
    assert not places.runtime.exists()
