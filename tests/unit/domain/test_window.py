"""Windows tile time, and their slugs carry their start."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polybot.domain.window import (
    SECOND_NS,
    Series,
    current_window,
    next_window,
    parse_series,
    parse_slug,
    previous_window,
    slug_of,
)
from polybot.errors import InvalidValue

BTC_5M = Series(asset="btc", interval_s=300)
BTC_4H = Series(asset="btc", interval_s=14_400)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND_NS


def test_a_slug_carries_the_start_of_its_window() -> None:
    window = parse_slug("btc-updown-5m-1787236800")
    assert window.series == BTC_5M
    assert window.open_ns == 1_787_236_800 * SECOND_NS
    assert window.close_ns == 1_787_237_100 * SECOND_NS
    assert window.slug == "btc-updown-5m-1787236800"
    assert slug_of(BTC_5M, 1_787_236_800) == window.slug


@pytest.mark.parametrize("name", ["btc-updown-5m", "eth-updown-15m", "sol-updown-4h"])
def test_a_series_name_is_read_and_written_the_same(name: str) -> None:
    assert parse_series(name).name == name


@pytest.mark.parametrize(
    "name", ["btc-updown-1h", "btc-updown-7m", "BTC-updown-5m", "btc-5m", "", "btc-updown-5m-1"]
)
def test_an_unknown_series_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match="expected a series"):
        parse_series(name)


@pytest.mark.parametrize(
    "slug",
    [
        "btc-updown-5m-1787236801",  # off the grid
        "btc-updown-15m-1787236800",  # on the 5m grid only
        "btc-updown-5m-",
        "btc-updown-5m-99999999999999",
        "btc-updown-1h-1787236800",
        "bitcoin-up-or-down-november-21-2026-3pm-et",
        "btc-updown-5m-1787236800\n",
    ],
)
def test_an_impossible_slug_is_refused(slug: str) -> None:
    with pytest.raises(InvalidValue, match="expected"):
        parse_slug(slug)


def test_an_unknown_length_is_refused() -> None:
    with pytest.raises(InvalidValue, match="was 60"):
        Series(asset="btc", interval_s=60)


def test_a_moment_before_time_began_is_refused() -> None:
    with pytest.raises(InvalidValue, match="was -1"):
        current_window(BTC_5M, -1)


def test_the_close_belongs_to_the_next_window() -> None:
    window = parse_slug("btc-updown-5m-1787236800")
    assert window.is_open(window.open_ns)
    assert window.is_open(window.close_ns - 1)
    assert not window.is_open(window.close_ns)
    assert current_window(BTC_5M, window.close_ns) == next_window(window)


def test_remaining_time_stops_at_zero() -> None:
    window = parse_slug("btc-updown-5m-1787236800")
    assert window.remaining_ns(window.close_ns - 5) == 5
    assert window.remaining_ns(window.close_ns) == 0
    assert window.remaining_ns(window.close_ns + 5) == 0


@given(
    st.sampled_from([300, 900, 14_400]),
    st.integers(min_value=1_600_000_000 * SECOND_NS, max_value=2_000_000_000 * SECOND_NS),
)
def test_windows_tile_time_without_gap_or_overlap(interval_s: int, now_ns: int) -> None:
    window = current_window(Series(asset="btc", interval_s=interval_s), now_ns)
    assert window.is_open(now_ns)
    assert next_window(window).open_ns == window.close_ns
    assert previous_window(window).close_ns == window.open_ns
    assert parse_slug(window.slug) == window


@pytest.mark.parametrize(
    ("moment", "opens", "closes"),
    [
        # Winter: New York is 5 hours behind, so its 08:00 is 13:00.
        ("2026-11-21T15:30:00", "2026-11-21T13:00:00", "2026-11-21T17:00:00"),
        # Summer: 4 hours behind.
        ("2026-07-21T15:30:00", "2026-07-21T12:00:00", "2026-07-21T16:00:00"),
        # The night the clocks go back: midnight to 4 a.m. lasts five hours.
        ("2026-11-01T06:30:00", "2026-11-01T04:00:00", "2026-11-01T09:00:00"),
        # The night they go forward: three.
        ("2026-03-08T06:30:00", "2026-03-08T05:00:00", "2026-03-08T08:00:00"),
    ],
)
def test_four_hour_windows_follow_new_york(moment: str, opens: str, closes: str) -> None:
    window = current_window(BTC_4H, at(moment))
    assert (window.open_ns, window.close_ns) == (at(opens), at(closes))
