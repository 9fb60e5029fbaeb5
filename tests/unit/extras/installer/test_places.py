"""Where an installation is."""

from pathlib import Path

from polybot.config import locations
from polybot.extras.installer.places import SERVICES, Places, service


def test_it_is_where_the_program_looks() -> None:
    places = Places()
    assert places.configuration / "polybot.toml" == locations.INSTALLED_CONFIG
    assert places.state == locations.INSTALLED_STATE
    assert places.runtime == locations.INSTALLED_RUNTIME
    assert sorted(SERVICES) == sorted(locations.PROCESSES)
    assert service("trader") == "polybot-trader.service"


def test_everything_is_under_the_root(tmp_path: Path) -> None:
    places = Places(tmp_path)
    names = [name for name, value in vars(Places).items() if isinstance(value, property)]
    assert all(getattr(places, name).is_relative_to(tmp_path) for name in names)
    assert len(names) > 10


def test_a_link_to_nothing_is_no_release(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.releases.mkdir(parents=True)
    assert places.release_of(places.current) is None
    places.current.symlink_to("1.0+x")
    assert places.release_of(places.current) is None
    (places.releases / "1.0+x").mkdir()
    assert places.release_of(places.current) == places.releases / "1.0+x"
