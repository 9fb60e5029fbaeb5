import pytest

from polybot.recordings.rows import Row
from tests.unit.recordings.examples import ROWS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: type(row).__name__)
def test_a_row_cannot_be_changed(row: Row) -> None:
    with pytest.raises(AttributeError):
        row.ts_ns = 0  # type: ignore[misc]


def test_every_row_knows_when_it_was_seen_and_where_it_came_from() -> None:
    assert all(row.ts_ns > 0 and isinstance(row.source, str) for row in ROWS)
