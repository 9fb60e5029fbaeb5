"""Floors for the integration tests: started on demand, always stopped."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.floor import Floor


@pytest.fixture
def new_floor(tmp_path: Path) -> Iterator[Callable[..., Floor]]:
    """Return a maker of floors; keyword arguments are environment settings."""
    floors: list[Floor] = []

    def make(**settings: str) -> Floor:
        root = tmp_path / f"floor {len(floors)}"
        root.mkdir()
        floor = Floor(root, **settings)
        floors.append(floor)
        return floor

    yield make
    for floor in floors:
        floor.close()
        assert floor.left_running() == []
