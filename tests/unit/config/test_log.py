from pathlib import Path

import pytest

from polybot.config.log import LogConfig


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("", None),
        ("var/floor.log", Path("/clone/var/floor.log")),
        ("/var/log/polybot.log", Path("/var/log/polybot.log")),
    ],
)
def test_a_relative_file_is_below_the_root(file: str, path: Path | None) -> None:
    assert LogConfig(file=file).path(Path("/clone")) == path
