import re
from pathlib import Path

import pytest

from polybot.ports.crash_points import POINTS, on_reach, reach

SOURCES = Path(__file__).parents[3] / "polybot"


def test_a_point_means_nothing_until_somebody_waits_for_it() -> None:
    reach("journal.synced")
    reached: list[str] = []
    on_reach(reached.append)
    try:
        reach("journal.synced")
    finally:
        on_reach(None)
    reach("journal.synced")
    assert reached == ["journal.synced"]


def test_every_point_of_the_table_is_in_the_code_and_no_other() -> None:
    code = "\n".join(path.read_text("utf-8") for path in SOURCES.rglob("*.py"))
    literal = set(re.findall(r'\breach\("([a-z.]+)"\)', code))
    # The connection's points are named after the transport they are on.
    transports = {point for point in POINTS if point.startswith("orders.")}
    assert len(transports) == 3
    assert 'for moment in ("sending", "sent", "answered")' in code
    assert literal | transports == set(POINTS)


@pytest.mark.parametrize("point", POINTS)
def test_every_point_says_what_is_and_what_is_not_yet(point: str) -> None:
    assert len(POINTS[point].split()) >= 4
