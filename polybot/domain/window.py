"""The calendar of up/down windows: series, slugs, and which window is open at a moment.

A slug is `<asset>-updown-<5m|15m|4h>-<epoch>`, and the epoch is the window's start in seconds
(the exchange's documentation: crypto up/down markets). Windows of 5 and 15 minutes start at
multiples of their length. Windows of 4 hours start at 00, 04, 08, 12, 16 and 20 o'clock in
New York, so on the two days a year when the clocks change one of them is an hour shorter or longer.
"""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from polybot.errors import InvalidValue

SECOND_NS = 1_000_000_000
FOUR_HOURS_S = 14_400

_LENGTHS = {"5m": 300, "15m": 900, "4h": FOUR_HOURS_S}
_NAMES = {seconds: name for name, seconds in _LENGTHS.items()}
_SERIES = re.compile(r"(?P<asset>[a-z0-9]{2,12})-updown-(?P<length>[0-9]{1,3}[mh])")
_SLUG = re.compile(_SERIES.pattern + r"-(?P<epoch>[0-9]{1,11})")


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """A run of windows of one asset and one length, such as btc-updown-5m."""

    asset: str
    interval_s: int

    def __post_init__(self) -> None:
        if self.interval_s not in _NAMES:
            lengths = ", ".join(str(seconds) for seconds in _NAMES)
            raise InvalidValue(
                f"expected a window length of {lengths} seconds, was {self.interval_s}"
            )

    @property
    def name(self) -> str:
        """The slug without its epoch: btc-updown-5m."""
        return f"{self.asset}-updown-{_NAMES[self.interval_s]}"


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """One window [open_ns, close_ns) of a series. Its slug is its identity everywhere."""

    series: Series
    open_ns: int
    close_ns: int

    @property
    def slug(self) -> str:
        """The exchange's name of the window."""
        return f"{self.series.name}-{self.open_ns // SECOND_NS}"

    def is_open(self, now_ns: int) -> bool:
        """Tell whether `now_ns` lies inside the window."""
        return self.open_ns <= now_ns < self.close_ns

    def remaining_ns(self, now_ns: int) -> int:
        """Return the nanoseconds until the close; 0 once it is reached."""
        return max(self.close_ns - now_ns, 0)


def parse_series(name: str) -> Series:
    """Parse a series name such as "btc-updown-5m"; raise InvalidValue for any other shape."""
    match = _SERIES.fullmatch(name)
    if match is None or match["length"] not in _LENGTHS:
        raise InvalidValue(f"expected a series such as btc-updown-5m, was {name!r}")
    return Series(asset=match["asset"], interval_s=_LENGTHS[match["length"]])


def parse_slug(slug: str) -> Window:
    """Parse a window's slug; raise InvalidValue when its shape or its start is impossible."""
    match = _SLUG.fullmatch(slug)
    if match is None or match["length"] not in _LENGTHS:
        raise InvalidValue(f"expected a slug such as btc-updown-5m-1787236800, was {slug!r}")
    series = Series(asset=match["asset"], interval_s=_LENGTHS[match["length"]])
    start_s = int(match["epoch"])
    window = current_window(series, start_s * SECOND_NS)
    if window.open_ns != start_s * SECOND_NS:
        raise InvalidValue(
            f"expected a start on the grid of {series.name}, was {start_s}; "
            f"that moment belongs to {window.slug}"
        )
    return window


def slug_of(series: Series, start_s: int) -> str:
    """Return the slug of the window that starts at `start_s`; raise InvalidValue off the grid."""
    return parse_slug(f"{series.name}-{start_s}").slug


def current_window(series: Series, now_ns: int) -> Window:
    """Return the window that `now_ns` (0 or later) lies in; at a boundary, the one that begins."""
    if now_ns < 0:
        raise InvalidValue(f"expected a moment of 0 ns or later, was {now_ns}")
    now_s = now_ns // SECOND_NS
    if series.interval_s == FOUR_HOURS_S:
        start_s, end_s = _four_hours_around(now_s)
    else:
        start_s = now_s - now_s % series.interval_s
        end_s = start_s + series.interval_s
    return Window(series=series, open_ns=start_s * SECOND_NS, close_ns=end_s * SECOND_NS)


def next_window(window: Window) -> Window:
    """Return the window of the same series that opens when this one closes."""
    return current_window(window.series, window.close_ns)


def previous_window(window: Window) -> Window:
    """Return the window of the same series that closes when this one opens."""
    return current_window(window.series, window.open_ns - 1)


def _four_hours_around(now_s: int) -> tuple[int, int]:
    """Return start and end of the 4-hour window, counted on New York's wall clock."""
    try:
        new_york = ZoneInfo("America/New_York")
    except ZoneInfoNotFoundError as error:
        raise InvalidValue(
            "expected the time zone America/New_York for 4h windows, was not found; "
            "install the package tzdata"
        ) from error
    local = datetime.fromtimestamp(now_s, tz=UTC).astimezone(new_york)
    start = datetime(
        local.year, local.month, local.day, local.hour - local.hour % 4, tzinfo=new_york
    )
    # Wall-clock arithmetic: the clocks change at 2 a.m., which is never a boundary.
    end = start + timedelta(hours=4)
    return int(start.timestamp()), int(end.timestamp())
