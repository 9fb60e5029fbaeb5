"""Tests of where a floor's files are."""

from pathlib import Path

import pytest

from polybot.config.locations import (
    Installation,
    absolute,
    find_config,
    find_installation,
    find_runtime,
    find_state,
    floor_name,
    socket_path_fits,
)

CLONE = Installation(root=Path("/srv/polybot"), is_clone=True)
INSTALLED = Installation(root=Path("/etc/polybot"), is_clone=False)


def test_a_clone_keeps_everything_under_itself() -> None:
    assert find_config({}, CLONE) == (CLONE.root / "config" / "polybot.toml", False)
    assert find_runtime({}, CLONE) == CLONE.root / "var" / "run"
    assert find_state({}, CLONE, "paper") == CLONE.root / "var" / "state" / "paper"


def test_an_installation_uses_the_systems_places() -> None:
    assert find_config({}, INSTALLED) == (Path("/etc/polybot/polybot.toml"), False)
    assert find_runtime({}, INSTALLED) == Path("/run/polybot")
    assert find_state({}, INSTALLED, "live") == Path("/var/lib/polybot")


@pytest.mark.parametrize("installation", [CLONE, INSTALLED])
def test_the_environment_moves_every_place(installation: Installation) -> None:
    environ = {
        "POLYBOT_CONFIG": "/a/b.toml",
        "POLYBOT_STATE_DIR": "/a/state",
        "POLYBOT_RUNTIME_DIR": "/a/run",
    }
    assert find_config(environ, installation) == (Path("/a/b.toml"), True)
    assert find_runtime(environ, installation) == Path("/a/run")
    assert find_state(environ, installation, "live") == Path("/a/state")


def test_a_clone_with_a_long_path_has_its_sockets_elsewhere_and_always_in_the_same_place() -> None:
    deep = Installation(root=Path("/srv") / ("x" * 90), is_clone=True)
    runtime = find_runtime({}, deep)
    assert runtime.parent == Path("/tmp")  # noqa: S108 - the fixed place it promises
    assert socket_path_fits(runtime)
    assert find_runtime({}, deep) == runtime
    assert find_runtime({}, Installation(root=Path("/srv") / ("y" * 90), is_clone=True)) != runtime


def test_the_length_of_a_socket_path_is_counted_in_bytes() -> None:
    assert socket_path_fits(Path("/" + "x" * 82))
    assert not socket_path_fits(Path("/" + "x" * 83))
    assert not socket_path_fits(Path("/" + "ä" * 45))


def test_two_sets_of_recordings_never_share_their_state() -> None:
    first, second = floor_name("replay", "/a/dev"), floor_name("replay", "/b/dev")
    assert first.startswith("replay-dev-")
    assert first != second
    assert floor_name("synthetic", "") == "synthetic"
    assert floor_name("replay", "/").startswith("replay-root-")


def test_a_relative_path_starts_from_where_it_was_written(tmp_path: Path) -> None:
    assert absolute("a/../b", tmp_path) == tmp_path / "b"
    assert absolute("/a", tmp_path) == Path("/a")
    assert absolute("~/a", tmp_path) == Path.home() / "a"


def test_these_tests_run_from_a_clone() -> None:
    installation = find_installation()
    assert installation.is_clone
    assert (installation.root / "setup.cfg").is_file()
